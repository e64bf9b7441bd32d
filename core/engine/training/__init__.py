"""Fine-tuning jobs of the engine, from the uploaded file to the adapter."""
