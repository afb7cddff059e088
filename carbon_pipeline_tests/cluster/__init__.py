"""What runs on several machines: Ray, PostgreSQL and S3, all started on the loopback by `make test-cluster`."""
