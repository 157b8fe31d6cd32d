variable "name" { type = string }
variable "min_size" { type = number }
variable "max_size" { type = number }

resource "aws_autoscaling_group" "this" {
  name     = var.name
  min_size = var.min_size
  max_size = var.max_size

  launch_template {
    id      = aws_launch_template.this.id
    version = "$Latest"
  }

  lifecycle {
    ignore_changes = [desired_capacity]
  }
}

resource "aws_launch_template" "this" {
  name_prefix   = var.name
  instance_type = "m6i.large"
}
