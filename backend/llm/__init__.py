"""Language models behind the OpenAI protocol."""
