"""The playground: conversations with several models, and the router between them."""
