# sizes
resource "a" "b" {
  max = 9 # up to
  min = 1 # at least
  doc = <<EOT
[
EOT
}
