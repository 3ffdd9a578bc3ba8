"""What commands print for people, drawn with rich."""
