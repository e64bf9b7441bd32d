"""Questions and answers made from the statements of a page, without a model: English and Japanese."""
