variable "environment" {
  type        = string
  description = "Which environment this state holds."
}

variable "web_min_size" {
  type    = number
  default = 2
}

variable "web_max_size" {
  type        = number
  description = "Most instances of the web tier."
  default     = 4
}
