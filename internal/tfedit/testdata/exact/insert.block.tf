resource "a" "b" {
	tag {
		x = 1
	}
}
