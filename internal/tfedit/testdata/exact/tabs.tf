resource "a" "b" {
	max	=	9	# up to
}


