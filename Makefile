# Bookstall. `make` lists the targets; each is described behind its name.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

BIN := .tools/bin
GO ?= go
# Static and stripped; -trimpath and no VCS stamp make equal trees equal bytes.
BUILD_FLAGS := -trimpath -ldflags='-s -w'
# Packages under test; PKG=./internal/rpc make test runs one.
PKG ?= ./...
TEST_FLAGS ?=

LINT_VERSION := v2.15.0
AXE_VERSION := 4.14.1

.PHONY: help
help: ## list the targets
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: build ## the shop with three replicas on http://127.0.0.1:8080; Ctrl-C ends it
	@exec bin/local

.PHONY: build
build: ## bin/marketplace and bin/recommendations
	CGO_ENABLED=0 $(GO) build $(BUILD_FLAGS) -o bin/ ./marketplace ./recommendations ./deploy/local

.PHONY: test
test: system $(BIN)/gotestsum $(BIN)/axe.min.js ## everything that needs no cluster, with the race detector
	@BIN=$(BIN) tools/test.sh $(TEST_FLAGS) $(PKG)

.PHONY: golden
golden: ## write the golden files anew; look at the difference before you commit it
	$(GO) test -count=1 $$(grep -rl --include='*_test.go' 'flag.Bool("update"' . | xargs -n1 dirname | sort -u) -update

.PHONY: bench
bench: build ## the figures of docs/performance.md, as tables
	$(GO) run ./internal/bench

.PHONY: bench-engine
bench-engine: ## the engine's own figures, on one core
	$(GO) test -run='^$$' -bench='Train|Recommend' -benchmem -cpu=1 ./recommendations/internal/engine ./recommendations/internal/evaluate

.PHONY: screenshots
screenshots: build $(BIN)/axe.min.js ## the pictures of docs/screenshots, from the browser test
	$(GO) test -count=1 -run=InABrowser ./marketplace -screenshots=$(CURDIR)/docs/screenshots

.PHONY: lint
lint: $(BIN)/golangci-lint $(BIN)/buf ## static checks of Go and protobuf, and that the wire did not break
	$(BIN)/golangci-lint run
	$(BIN)/buf lint proto
	$(BIN)/buf breaking proto --against proto/released.binpb

.PHONY: fmt
fmt: $(BIN)/golangci-lint $(BIN)/buf ## format Go and protobuf
	$(BIN)/golangci-lint fmt
	$(BIN)/buf format -w proto

.PHONY: generate
generate: $(BIN)/buf $(BIN)/protoc-gen-go $(BIN)/protoc-gen-go-grpc ## gen/ from proto/
	$(BIN)/buf generate proto --template proto/buf.gen.yaml

.PHONY: check-generated
check-generated: generate ## fail if gen/ or go.mod is not what it should be
	$(GO) mod tidy
	@git diff --exit-code --stat -- gen go.mod go.sum && test -z "$$(git status --porcelain -- gen)"

.PHONY: released
released: $(BIN)/buf ## take proto/ as it is for the released contract; only with a release
	$(BIN)/buf build proto -o proto/released.binpb

.PHONY: sample
sample: ## the synthetic readers of the embedded data, from their seed
	$(GO) generate ./recommendations/internal/sample

.PHONY: compare-books
compare-books: ## compare the embedded catalogue with BOOKS=books.csv
	$(GO) run ./recommendations/internal/sample/compare $(BOOKS)

.PHONY: ci
ci: lint check-generated test ## what CI runs before the cluster

.PHONY: tools
tools: $(addprefix $(BIN)/,buf protoc-gen-go protoc-gen-go-grpc gotestsum golangci-lint axe.min.js) ## install the tools into .tools/bin, at pinned versions

.PHONY: system
system:
	@tools/system.sh

.PHONY: clean
clean: ## remove what was built, not what readers did (.run)
	rm -rf bin .tools

# The tools that tools/go.mod pins.
$(BIN)/buf: PACKAGE := github.com/bufbuild/buf/cmd/buf
$(BIN)/protoc-gen-go: PACKAGE := google.golang.org/protobuf/cmd/protoc-gen-go
$(BIN)/protoc-gen-go-grpc: PACKAGE := google.golang.org/grpc/cmd/protoc-gen-go-grpc
$(BIN)/gotestsum: PACKAGE := gotest.tools/gotestsum
$(BIN)/buf $(BIN)/protoc-gen-go $(BIN)/protoc-gen-go-grpc $(BIN)/gotestsum: tools/go.mod
	@echo "installing $(notdir $@)"
	@$(GO) build -C tools -o ../$@ $(PACKAGE) && touch $@

# The others say themselves which versions of their parts work.
$(BIN)/golangci-lint: Makefile
	@echo "installing golangci-lint $(LINT_VERSION) (some minutes, once)"
	@GOBIN=$(CURDIR)/$(BIN) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION) && touch $@

$(BIN)/axe.min.js: Makefile | system
	@mkdir -p $(BIN)
	@tools/axe.sh $(AXE_VERSION) $@
