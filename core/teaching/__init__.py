"""The loop that teaches until learned: rows for facts that are not learned, a training job, questions to see what it brought."""
