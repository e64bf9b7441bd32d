"""The models that the engine knows: fetched, converted, loaded."""
