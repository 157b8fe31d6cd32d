# make prints the targets; each is one command that CI runs as well.
GO ?= go

# The race detector needs a C compiler; without one the tests run without it.
RACE := $(if $(shell command -v $${CC:-cc} 2>/dev/null || command -v gcc),-race)

.PHONY: help
help: ## print the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## run the main job on the embedded demo world: pull requests, diffs, a refused merge
	@$(GO) run ./cmd/salve demo

.PHONY: test
test: ## run all tests, with the race detector where there is a C compiler
	$(if $(RACE),,@echo "no C compiler: testing without the race detector")
	$(GO) test $(RACE) -timeout 30m ./...

.PHONY: soak
soak: ## run the tests that take longer than a minute
	$(GO) test -tags soak -timeout 60m ./internal/queue/... ./internal/remedy
	$(GO) test -tags soak -timeout 60m -run 'TestBadWeather|Killed|TestCrash|TestInTheMiddle' -v ./cmd/salve

.PHONY: build
build: ## build the binary ./salve
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags="-s -w" -o salve ./cmd/salve

.PHONY: lint
lint: ## gofmt and go vet
	@test -z "$$(gofmt -l cmd internal templates testdata)" || { gofmt -l cmd internal templates testdata; echo "gofmt: run gofmt -w on these files"; exit 1; }
	$(GO) vet ./...

.PHONY: golden
golden: ## rewrite the golden files of the tests; look at git diff afterwards
	$(GO) test $$(grep -rl --include='*_test.go' 'flag.Bool("update"' internal cmd | xargs -n1 dirname | sort -u | sed 's|^|./|') -update

.PHONY: fuzz
fuzz: ## fuzz every target for FUZZTIME (30s) each
	@for f in $$(grep -rho --include='*_test.go' 'func Fuzz[A-Za-z]*' internal | cut -c6- | sort -u); do \
	  for d in $$(grep -rl --include='*_test.go' "func $$f(" internal | xargs -n1 dirname | sort -u); do \
	    echo "$$d $$f"; $(GO) test ./$$d -run '^$$' -fuzz "^$$f$$" -fuzztime $${FUZZTIME:-30s} -fuzzminimizetime 10x || exit 1; \
	  done; done

.PHONY: image
image: ## build the container image salve:dev
	docker build -t salve:dev .
