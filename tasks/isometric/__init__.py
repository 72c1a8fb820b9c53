"""Isometric translation (IWSLT 2022): English to German, Spanish and French in as many characters."""
