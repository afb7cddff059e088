"""`python -m carbon_pipeline_tests.gpu`: see checks.py."""

import sys

from carbon_pipeline_tests.gpu.checks import main

sys.exit(main())
