"""The API's reference: what the OpenAPI document says beyond types, and the page made from it."""
