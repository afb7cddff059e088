"""`python -m carbon_pipeline`: the same as the command `carbon-pipeline`."""

from carbon_pipeline.cli.app import main

main()
