"""What the API sends: each schema serialises the answer and describes it in the OpenAPI document."""
