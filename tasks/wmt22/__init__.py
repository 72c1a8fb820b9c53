"""WMT22 general translation test sets, as ALMA used them."""
