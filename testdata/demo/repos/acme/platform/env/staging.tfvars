environment  = "staging"
web_min_size = 1
web_max_size = 2
