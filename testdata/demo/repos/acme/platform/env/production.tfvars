environment  = "production"
web_min_size = 4
web_max_size = 8 # Black Friday 2025: 8 was enough
