terraform {
  required_version = ">= 1.5"
}

module "web" {
  source = "./modules/web"

  name     = "web-${var.environment}"
  min_size = var.web_min_size
  max_size = var.web_max_size # bounded by the quota of the account
}
