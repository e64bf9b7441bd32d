"""Fine-tuning jobs: checked before they are sent, submitted, followed to their end, compared."""
