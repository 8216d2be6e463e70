# Every target says in its "##" comment what it is for; `make help` prints them.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo v0.0.0)
LDFLAGS := -s -w -X main.version=$(VERSION)
# Without the pages that grpc serves about itself, whose templates would have the linker keep every exported method: a quarter of the plugin.
TAGS := grpcnotrace
GOFLAGS_BUILD := -tags $(TAGS) -trimpath -buildvcs=false -ldflags '$(LDFLAGS)'
TESTFLAGS ?= -race -shuffle=on

.PHONY: help
help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build the plugin and the agent into bin/
	@mkdir -p bin
	CGO_ENABLED=0 go build $(GOFLAGS_BUILD) -o bin/kubectl-oci ./cmd/kubectl-oci
	CGO_ENABLED=0 go build $(GOFLAGS_BUILD) -o bin/agent ./cmd/agent

.PHONY: test
test: lint unit e2e ## Lint, unit tests and the tests against real parts, all with the race detector

.PHONY: unit
unit: ## Unit tests of the product and of its tools
	go test $(TESTFLAGS) ./...
	go -C tools test $(TESTFLAGS) ./...
	go -C tools/monitoring test $(TESTFLAGS) ./...

.PHONY: e2e
e2e: control-plane browser curl ## Tests against a real control plane, real registries and a real node; never cached, they run programs built elsewhere
	E2E_NODE="$(E2E_NODE)" E2E_BROWSER="$(E2E_BROWSER)" go -C e2e test $(TESTFLAGS) -count=1 -timeout 20m ./...
	@.cache/bin/testbed lacks || true
	@command -v chromium >/dev/null || echo "LEFT OUT: the tests of the status page in a browser, for there is no chromium" >&2

# A machine that can run a node runs the tests on one, or fails. On others, where nobody could run them, the rest of the tests counts, and the
# last lines say what was left out, and why. This is asked when the testbed is built, and what a node takes was installed.
E2E_NODE ?= $(shell .cache/bin/testbed lacks 2>/dev/null && echo required || echo optional)

# The status page is tested in Chromium wherever that is, or can be installed.
E2E_BROWSER ?= $(shell { command -v chromium || { test "$$(id -u)" = 0 && command -v apt-get; }; } >/dev/null 2>&1 && echo required || echo optional)

.PHONY: curl
curl: # with which the page on installing downloads, where this may install it
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && ! command -v curl >/dev/null; then \
		echo "installing what the tests of the installation need: curl"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends curl >/dev/null; \
	fi
	@command -v curl >/dev/null || { echo "there is no curl, with which the pages on installing and on consumers download: install it" >&2; exit 1; }

.PHONY: browser
browser: # Chromium, where this may install it
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && ! command -v chromium >/dev/null; then \
		echo "installing what the tests of the status page need: chromium fonts-dejavu-core"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; \
	fi

.PHONY: screenshot
screenshot: browser ## Take the picture of the status page that the documentation has
	go -C e2e test -count=1 -run TestScreenshot ./page -screenshot "$(CURDIR)/docs/status-page.png"

.PHONY: node-packages
node-packages: # what a node takes beside Go, where this may install it
	@if [ "$$(id -u)" = 0 ] && unshare --net --mount --pid --fork true 2>/dev/null && command -v apt-get >/dev/null && \
		! { command -v nft && command -v gcc && pkg-config --exists libseccomp; } >/dev/null 2>&1; then \
		echo "installing what the tests on a real node need: nftables gcc pkg-config libseccomp-dev"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nftables gcc pkg-config libseccomp-dev >/dev/null; \
	fi

.PHONY: control-plane
control-plane: node-packages ## Build what the testbed runs: etcd, Kubernetes, kubectl, Flux's kustomize-controller, cosign, containerd and runc
	@echo "building what the tests run (about twenty minutes the first time)"
	@mkdir -p .cache/bin
	@go -C e2e build -o ../.cache/bin/testbed ./cmd/testbed
	@.cache/bin/testbed build -kubectl -flux -cosign -node

.PHONY: lint
lint: .cache/bin/golangci-lint ## Formatting, vet, linters, generated files, tidy modules
	@for dir in . e2e tools tools/monitoring; do echo "lint $$dir"; (cd $$dir && "$(CURDIR)/.cache/bin/golangci-lint" run --allow-parallel-runners --config "$(CURDIR)/.golangci.yml" ./...); done
	@for dir in . e2e tools tools/lint tools/monitoring; do go -C $$dir mod tidy -diff; done
	@go -C tools run ./generate -check

.cache/bin/golangci-lint: tools/lint/go.mod tools/lint/go.sum
	@echo "building golangci-lint (about two minutes, once)"
	@mkdir -p $(@D)
	@go -C tools/lint build -o "$(CURDIR)/$@" github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	@touch $@

.PHONY: generate
generate: ## Write the generated files anew: deep copies, the CRD, docs/cli/, what each profile of manifests/ comes to, and the dashboard
	go -C tools run ./generate
	go -C tools/monitoring run .

.PHONY: image
image: ## Build the agent's image for two architectures: make image IMAGE=registry/repository[:tag], or TO=./agent.tar [SIGN_KEY=key]
	@test -n "$(IMAGE)$(TO)" || { echo "name where to push: make image IMAGE=registry.example.com/kubectl-oci/agent:dev" >&2; exit 2; }
	@go -C tools run ./image -version "$(VERSION)" $(if $(SIGN_KEY),-key "$(SIGN_KEY)") "$(or $(IMAGE),$(TO))"

.PHONY: release
release: ## Build a release into dist/: make release VERSION=v1.0.0 [PUBLISH=registry/repository [SIGN_KEY=key]] [PLUGIN=name] [URL=address]
	@rm -rf .cache/dist; mkdir -p .cache
	@go -C tools run ./release -version "$(VERSION)" -to "$(CURDIR)/.cache/dist" $(RELEASE_FLAGS)
	@rm -rf dist; mv .cache/dist dist

RELEASE_FLAGS = $(if $(PLUGIN),-plugin "$(PLUGIN)") $(if $(URL),-url "$(URL)") $(if $(PUBLISH),-publish "$(PUBLISH)") $(if $(SIGN_KEY),-key "$(SIGN_KEY)")

.PHONY: release-check
release-check: ## Build dist/ once more, in a clone of its own with an empty build cache, and compare: make release-check VERSION=v1.0.0
	@dir="$$(mktemp -d)"; trap 'rm -rf "$$dir"' EXIT; umask 077; git clone --quiet . "$$dir/clone"; \
		TZ=Asia/Kathmandu GOCACHE="$$dir/cache" $(MAKE) -C "$$dir/clone" release VERSION="$(VERSION)" PLUGIN="$(PLUGIN)" URL="$(URL)" PUBLISH= SIGN_KEY=; \
		diff -r dist "$$dir/clone/dist" && echo "the same bytes"

.PHONY: demo
demo: ## Show it all: push a folder, the agent exposes it (KEEP=1 leaves it running)
	@echo "building the demo itself (half a minute the first time)"
	@mkdir -p .cache/bin
	@go -C e2e build -o ../.cache/bin/demo ./cmd/demo
	@cd e2e && exec ../.cache/bin/demo
