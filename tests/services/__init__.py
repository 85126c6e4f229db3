"""Real servers for the tests, from wheels: Valkey, PostgreSQL, S3. Each starts once, when first asked for."""
