# Mediaserver. `make` prints what there is.

SHELL   := /bin/bash
GO      ?= go
BIN     := bin/mediaserver
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
IMAGE   ?= mediaserver
DOCKER  ?= docker
# The static binary; -o and the package follow.
COMPILE  = CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w -X main.version=$(VERSION)"
# The certificate authorities of the image: those of this machine.
ROOTS   ?= $(firstword $(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem) /etc/ssl/certs/ca-certificates.crt)
# Arguments for run, load and bench: make run ARGS="--help"
ARGS    ?=
# The voice that is built in. It is fetched by npm once; without it the build
# goes on and has no voice of its own.
VOICE   := tts/flite/wasm/flite.wasm
# What to test: make test PKG=./mixer
PKG     ?= ./...
# Packages whose tests play sound in real time, through real sockets and with
# real clients. They are tested after the rest and one after the other, so that
# none takes the processors from the sound of another.
REALTIME := mediaserver/(cmd/mediaserver|internal/(examples|interop|phone))
# Time for each fuzz target.
FUZZTIME ?= 30s

# The version comes from VERSION; a clone of another owner must build as well.
export GOFLAGS := $(GOFLAGS) -buildvcs=false
# The binary is static, and what is tested is what it is made of: compiled once.
export CGO_ENABLED ?= 0

.DEFAULT_GOAL := help
.PHONY: help run build test race lint lint-more fmt bench load fuzz docker clean deps cross

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## build and start the server with a demo conference of three robot callers
	$(BIN) demo $(ARGS)

$(VOICE):
	@$(GO) generate ./tts/flite

build: $(VOICE) ## build the static binary bin/mediaserver
	$(COMPILE) -o $(BIN) ./cmd/mediaserver

deps: ## install what the tests need (Debian packages, modules, the voice)
	@.ci/install
	@$(GO) mod download
	@$(MAKE) -s --no-print-directory $(VOICE)

test: deps ## install what the tests need and run all tests (PKG=...); those in real time last, one package at a time
	@all=$$($(GO) list $(PKG)) || exit 1; failed=; \
	rest=$$(grep -vxE '$(REALTIME)' <<<"$$all"); timed=$$(grep -xE '$(REALTIME)' <<<"$$all"); \
	if [ -n "$$rest" ]; then $(GO) test $$rest || failed=1; fi; \
	if [ -n "$$timed" ]; then $(GO) test -p 1 $$timed || failed=1; fi; \
	[ -z "$$failed" ]

race: ## run the tests of one's own choice under the race detector (PKG=...)
	CGO_ENABLED=1 $(GO) test -race $(PKG)

# Linters hold what they have read to the end: a collector that works rarely saves
# a third of their time.
LINTING := GOGC=400 GOMEMLIMIT=3GiB

# errors.Join is added to vet's own list of functions whose result must be
# used; the flag replaces that list, so it is read first.
lint: ## check format, vet and staticcheck
	@out=$$($(GO) tool gofumpt -l .) && if [ -n "$$out" ]; then echo "not formatted (make fmt):"; echo "$$out"; exit 1; fi
	@funcs=$$($(GO) tool vet help unusedresult | sed -n 's/.*(default \(.*\)).*/\1/p') && test -n "$$funcs" && \
		$(LINTING) $(GO) vet -unusedresult.funcs="$$funcs,errors.Join" ./...
	@$(LINTING) $(GO) tool staticcheck ./...

lint-more: ## check with golangci-lint as well (builds it first: some minutes)
	$(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0 run ./...

fmt: ## format all Go files
	$(GO) tool gofumpt -w .

bench: ## run the Go benchmarks of the hot path
	$(GO) test -run '^$$' -bench . -benchmem $(ARGS) $(PKG)

load: build ## load the server with participants of another process (ARGS="-n 1000 --calibrate")
	$(BIN) bench media $(ARGS)

fuzz: ## run every fuzz target for FUZZTIME (30s)
	@failed=; for at in $$(grep -rHo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . | sed 's/:func /:/' | sort); do \
		dir=$$(dirname "$${at%%:*}") target=$${at##*:}; \
		echo "== $$dir $$target"; \
		$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 5x "$$dir" </dev/null || failed="$$failed $$dir:$$target"; \
	done; \
	if [ -n "$$failed" ]; then echo "failed:$$failed"; exit 1; fi

cross: ## compile for what is not this machine
	CGO_ENABLED=0 GOOS=linux GOARCH=arm64 $(GO) build -o /dev/null ./cmd/mediaserver
	CGO_ENABLED=0 GOOS=darwin GOARCH=arm64 $(GO) build -o /dev/null ./cmd/mediaserver

# Docker runs Linux, whatever builds the image. Modes are set because the user in
# the image has to read the files, also where the umask is 077.
docker: $(VOICE) ## build the container image mediaserver:latest
	rm -rf bin/image && mkdir -p bin/image/home/data
	GOOS=linux $(COMPILE) -o bin/image/mediaserver ./cmd/mediaserver
	cp $(ROOTS) bin/image/ca-certificates.crt
	touch bin/image/home/data/.keep
	chmod -R u=rwX,go=rX bin/image
	$(DOCKER) build --network none -f deploy/Dockerfile -t $(IMAGE):latest -t $(IMAGE):$(VERSION) bin/image

clean: ## remove what was built
	rm -rf bin
