# Bookstall. `make` lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

BIN := .tools/bin
GO ?= go
# The flags of .ko.yaml, which explains them, but for the version and commit, which Go
# itself records here. A test in internal/test/deploy compares the two.
BUILD_FLAGS := -trimpath -tags=grpcnotrace,nethttpomithttp2 -gcflags=bookstall/marketplace/...=-l -gcflags=github.com/...=-l -gcflags=go.yaml.in/...=-l -gcflags=golang.org/x/...=-l -gcflags=go.opentelemetry.io/...=-l -gcflags=go.uber.org/...=-l -gcflags=github.com/klauspost/...= -ldflags='-s -w'
# Packages under test; PKG=./internal/rpc make test runs one.
PKG ?= ./...
TEST_FLAGS ?=

LINT_VERSION := v2.15.0
# That of go.mod, which has the part that the programs use.
TEMPL_VERSION := v0.3.1100
AXE_VERSION := 4.14.1
HELM_VERSION := v4.3.1
HELM3_VERSION := v3.22.0
KUBECONFORM_VERSION := v0.8.0
KUBE_SCORE_VERSION := v1.20.0
COMPOSE_VERSION := v2.40.3
# Database of known vulnerabilities; file:///FOLDER for a copy of it.
VULNDB ?= https://vuln.go.dev
# Modules that make vuln looks at.
VULN_MODULES ?= . tools tools/conformance
CHART_TOOLS := $(addprefix $(BIN)/,helm helm3 kubeconform kube-score) .tools/schemas/stamp
IMAGE_TAG ?= dev
BASE ?= origin/main
# Replicas of recommendations of make run.
REPLICAS ?= 3
PORT ?= 8080
ADMIN_PORT ?= 9090
LOCAL_FLAGS = -replicas=$(REPLICAS) -port=$(PORT) -admin-port=$(ADMIN_PORT) $(if $(TLS),-tls)
# An earlier version that people run; e2e upgrades from it.
RELEASED := a1950194fb326242246892c078eed64c5784f52e

.PHONY: help
help: ## list the targets
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: build ## the shop with three replicas on http://127.0.0.1:8080; Ctrl-C ends it; REPLICAS=5, PORT=8081, ADMIN_PORT=9190, TLS=1 for mutual TLS
	@exec bin/local $(LOCAL_FLAGS)

.PHONY: observe
observe: build $(BIN)/prometheus ## make run with the last traces on http://127.0.0.1:9098, and a Prometheus that has the alerts on http://127.0.0.1:9099; takes what make run takes
	@exec bin/local $(LOCAL_FLAGS) -traces -prometheus=$(CURDIR)/$(BIN)/prometheus

.PHONY: build
build: ## bin/marketplace, bin/recommendations, bin/local (the runner), bin/load and bin/certs
	@echo 'building into bin/: a minute or two the first time'
	@CGO_ENABLED=0 $(GO) build $(BUILD_FLAGS) -o bin/ ./marketplace ./recommendations ./deploy/local ./deploy/load ./deploy/certs

.PHONY: check
check: ## go vet and unit tests while you edit; needs no browser, Helm or database
	$(GO) vet ./...
	$(GO) test -short $(PKG)

.PHONY: test
test: system $(BIN)/gotestsum $(BIN)/govulncheck $(BIN)/axe.min.js $(BIN)/promtool $(BIN)/prometheus $(CHART_TOOLS) ## everything that needs no cluster, with the race detector
	@BIN=$(BIN) PACKAGES="$(PKG)" tools/test.sh $(TEST_FLAGS)

.PHONY: golden
golden: $(BIN)/helm $(BIN)/helm3 $(BIN)/prometheus ## rewrite the golden files; look at the difference before you commit it
	$(GO) test -short -count=1 $$(grep -rl --exclude-dir=bin --include='*_test.go' 'flag.Bool("update"' . | xargs -n1 dirname | sort -u | grep -v -e internal/test/chart -e internal/test/signals) -update
	$(GO) test -count=1 ./internal/test/signals -update
	$(GO) test -count=1 -run='Golden|ReadmeListsAllValues' ./internal/test/chart -update

.PHONY: bench
bench: build ## what calls, pages and live shelves cost beside the least possible, memory, start, balance; about 10 minutes; ARGS=--only=calls for one section, ARGS=--write for docs/performance.md
	@tools/programs-at.sh $(RELEASED) bin/at-released
	$(GO) run ./internal/lab bench --released=bin/at-released $(ARGS)

.PHONY: bench-compare
bench-compare: $(BIN)/benchstat ## micro-benchmarks of the hot path at REF and now, run in turn, by benchstat; some minutes; REF=HEAD~5, BENCH=Recommend for one
	@BIN=$(BIN) tools/bench-compare.sh "$(REF)"

.PHONY: bench-tutorial
bench-tutorial: build ## gRPC against REST: the tables of docs/tutorial.md
	$(GO) run ./marketplace/internal/tutorial/bench

.PHONY: load
load: build ## a steady load on the shop of make run, and how each call ended; with the same REPLICAS=, PORT= and ADMIN_PORT=; ARGS='-rate 100'
	@bin/load -shop http://127.0.0.1:$(PORT) $$(seq -f '-replica http://127.0.0.%g:$(ADMIN_PORT)' 2 $$(($(REPLICAS) + 1))) $(ARGS)

.PHONY: bench-engine
bench-engine: ## the engine's own figures, on one core
	$(GO) test -run='^$$' -bench='Train|Rank' -benchmem -cpu=1 ./recommendations/internal/engine ./recommendations/internal/evaluate

.PHONY: bench-store
bench-store: ## import, training and start with 6 million ratings, on SQLite and PostgreSQL; some minutes
	$(GO) test -tags=large -count=1 -run='TestLarge|TestTrainHuge' -v -timeout=20m ./recommendations ./recommendations/internal/engine ./marketplace/internal/catalog

.PHONY: screenshots
screenshots: build $(BIN)/axe.min.js ## the pictures of docs/screenshots, from the browser test
	$(GO) test -count=1 -run=InABrowser ./marketplace -screenshots=$(CURDIR)/docs/screenshots

.PHONY: images
images: ## the images, as archives with SBOMs, in bin/images
	@$(GO) run -C tools ./images -o bin/images -tag $(IMAGE_TAG) -revision "$$(git describe --always --exclude='*' --abbrev=40 --dirty 2>/dev/null || true)"

.PHONY: test-images
test-images: $(BIN)/helm ## check that images are small, run as nobody, and are reproducible, and that a release is verified
	$(GO) test -C tools -count=1 -timeout=40m ./images ./internal/image ./pack ./release

# BUILDER is the URI of who builds, for the provenance; a default is in the program.
.PHONY: release
release: ## the release of the tag that is checked out, in bin/release; REGISTRY=HOST/PATH publishes it, KEY=FILE signs
	@$(GO) run -C tools ./release publish -registry "$(REGISTRY)" -key "$(abspath $(KEY))" $(if $(BUILDER),-builder "$(BUILDER)")

.PHONY: verify-release
verify-release: ## build the tag that is checked out again and compare; REGISTRY=… or FROM=FOLDER, and KEY=FILE or UNSIGNED=1
	@$(GO) run -C tools ./release verify -registry "$(REGISTRY)" -from "$(abspath $(or $(FROM),bin/release))" -key "$(abspath $(KEY))" $(if $(UNSIGNED),-unsigned) $(if $(BUILDER),-builder "$(BUILDER)")

.PHONY: test-compose
test-compose: $(BIN)/docker-compose ## deploy/compose.yaml on a Docker daemon of the test's own, under load
	@$(GO) run -C tools ./images -o bin/compose -tag compose
	@tools/postgres.sh bin/compose/postgres.tar bookstall/postgres:compose
	@tools/prometheus.sh bin/compose/prometheus.tar bookstall/prometheus:compose
	@$(GO) test -tags=compose -c -o bin/composetest ./internal/test/compose
	@cd internal/test/compose && ../../../tools/docker.sh ../../../bin/composetest -test.v -test.timeout=8m

.PHONY: drills
drills: system ## the built programs through rollouts, losses and bad networks on loopback, under load; about 14 minutes
	$(GO) run ./internal/lab drills

.PHONY: alerts
alerts: system $(BIN)/prometheus ## drills and incidents beside a real Prometheus with the chart's rules: which alerts fire; about 13 minutes; ARGS=--run=NAME for one, ARGS=--write for the document
	$(GO) run ./internal/lab alerts $(ARGS)

.PHONY: attack
attack: ## what a stranger could do to the built programs, on loopback; about 3 minutes; ARGS=--only=NAME for one
	$(GO) run ./internal/lab attack $(ARGS)

.PHONY: soak
soak: ## a million calls with replicas that come and go: no growth of goroutines, files or heap; about 14 minutes
	$(GO) run ./internal/lab soak

# no_k8s leaves Kubernetes' client out of go-zero, which needs it for a scheme of its own.
.PHONY: conformance
conformance: ## what balance, grpc-go, Kratos and go-zero do in 20 situations; about 4 minutes; ARGS=-write for the documents
	@$(GO) run -C tools/conformance -tags=no_k8s . $(ARGS)

.PHONY: bench-balance
bench-balance: ## what package balance costs beside grpc-go: CPU, calls a second, size; ARGS=-write for the document
	@mkdir -p bin/cost
	@CGO_ENABLED=0 $(GO) build -C tools/conformance $(BUILD_FLAGS) -o ../../bin/cost/ ./cost ./cost/size/balance ./cost/size/stock
	@bin/cost/cost -sizes bin/cost $(ARGS)

.PHONY: balance-compat
balance-compat: ## build and test balance/ with the last four minor versions of grpc-go
	@tools/balance-compat.sh

.PHONY: fuzz
fuzz: ## each fuzz target for a minute; FUZZTIME=5s for less, FUZZ=FuzzCookie for one
	@tools/fuzz.sh $(TEST_FLAGS)

.PHONY: e2e
e2e: $(BIN)/helm ## the chart on the cluster of KUBECONFIG, under load
	@tools/prometheus.sh bin/images/prometheus.tar bookstall/prometheus:e2e
	@tools/postgres.sh bin/images/postgres.tar bookstall/postgres:e2e
	@tools/pgbouncer.sh bin/images/pgbouncer.tar bookstall/pgbouncer:e2e
	@tools/released.sh $(RELEASED) released bin/released
	@tools/load-images.sh bin/images/prometheus.tar bin/images/postgres.tar bin/images/pgbouncer.tar $$(ls bin/released/images/*.tar 2>/dev/null || true)
	@for tag in e2e e2e-next; do \
		$(MAKE) --no-print-directory images IMAGE_TAG=$$tag; \
		tools/load-images.sh bin/images/marketplace.tar bin/images/recommendations.tar bin/images/load.tar bin/images/otlpsink.tar; \
	done
	$(GO) test -tags=e2e -count=1 -timeout=55m -v ./internal/test/e2e

.PHONY: lint
lint: $(BIN)/golangci-lint $(BIN)/buf ## static checks of Go and protobuf, and that the contract stays compatible
	$(BIN)/golangci-lint run
	cd tools && ../$(BIN)/golangci-lint run -c ../.golangci.yml ./...
	cd tools/conformance && ../../$(BIN)/golangci-lint run -c ../../.golangci.yml --build-tags no_k8s ./...
	$(BIN)/buf lint proto
	$(BIN)/buf breaking proto --against proto/released.binpb

.PHONY: vuln
vuln: $(BIN)/govulncheck ## known vulnerabilities that our code reaches; asks vuln.go.dev, or VULNDB=file:///FOLDER
	@for module in $(VULN_MODULES); do \
		echo "$$module:"; \
		$(BIN)/govulncheck -db $(VULNDB) -C $$module -test -tags e2e,compose,large,no_k8s ./...; \
	done

.PHONY: fmt
fmt: $(BIN)/golangci-lint $(BIN)/buf $(BIN)/templ ## format Go, pages and protobuf
	$(BIN)/templ fmt -log-level=error marketplace
	$(BIN)/golangci-lint fmt
	$(BIN)/buf format -w proto

.PHONY: generate
generate: $(BIN)/buf $(BIN)/protoc-gen-go $(BIN)/protoc-gen-go-grpc $(BIN)/templ ## gen/ from proto/, and the pages' *_templ.go from *.templ
	$(BIN)/templ generate -log-level=error -path marketplace
	$(BIN)/buf generate proto --template proto/buf.gen.yaml

.PHONY: check-generated
check-generated: generate ## fail if gen/, a *_templ.go, go.mod or a downloaded module is not what it should be
	$(GO) mod tidy
	$(GO) mod verify
	@git diff --exit-code --stat -- gen '*_templ.go' go.mod go.sum && test -z "$$(git status --porcelain -- gen '*_templ.go')"

.PHONY: released
released: $(BIN)/buf ## record proto/ as the released contract; only at a release
	$(BIN)/buf build proto -o proto/released.binpb

.PHONY: sample
sample: ## the synthetic readers of the embedded data, from their seed
	$(GO) generate ./recommendations/internal/sample

.PHONY: check-golden
check-golden: ## fail if a golden file is not what make golden writes
	@state() { git status --porcelain; git diff; }; before=$$(state); \
	$(MAKE) --no-print-directory golden; \
	[ "$$(state)" = "$$before" ] || { git status --short; echo "make golden has changed files: look at the difference, and commit it"; exit 1; }

.PHONY: check-history
check-history: ## fail if a commit since BASE (origin/main) does not build, tests included
	@tools/check-history.sh "$(BASE)"

.PHONY: ci
ci: check-golden lint check-generated test ## what CI runs before the cluster

.PHONY: tools
tools: $(addprefix $(BIN)/,buf protoc-gen-go protoc-gen-go-grpc templ gotestsum benchstat govulncheck golangci-lint axe.min.js promtool prometheus) $(CHART_TOOLS) ## install the tools into .tools/bin, at pinned versions

.PHONY: system
system:
	@tools/system.sh

.PHONY: clean
clean: ## remove bin/ and the installed tools; .run, with what readers did, stays
	rm -rf bin .tools

$(BIN):
	@mkdir -p $@

# The tools that tools/go.mod pins.
$(BIN)/buf: PACKAGE := github.com/bufbuild/buf/cmd/buf
$(BIN)/protoc-gen-go: PACKAGE := google.golang.org/protobuf/cmd/protoc-gen-go
$(BIN)/protoc-gen-go-grpc: PACKAGE := google.golang.org/grpc/cmd/protoc-gen-go-grpc
$(BIN)/gotestsum: PACKAGE := gotest.tools/gotestsum
$(BIN)/benchstat: PACKAGE := golang.org/x/perf/cmd/benchstat
$(BIN)/govulncheck: PACKAGE := golang.org/x/vuln/cmd/govulncheck
$(BIN)/buf $(BIN)/protoc-gen-go $(BIN)/protoc-gen-go-grpc $(BIN)/gotestsum $(BIN)/benchstat $(BIN)/govulncheck: tools/go.mod | $(BIN)
	@echo "installing $(notdir $@)"
	@$(GO) build -C tools -o ../$@ $(PACKAGE) && touch $@

# The others are installed at a version, with the dependencies their authors chose.
$(BIN)/golangci-lint: Makefile | $(BIN)
	@echo "installing golangci-lint $(LINT_VERSION) (some minutes, once)"
	@GOBIN=$(CURDIR)/$(BIN) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION) && touch $@

$(BIN)/helm: PACKAGE := helm.sh/helm/v4/cmd/helm@$(HELM_VERSION)
$(BIN)/helm3: PACKAGE := helm.sh/helm/v3/cmd/helm@$(HELM3_VERSION)
$(BIN)/kubeconform: PACKAGE := github.com/yannh/kubeconform/cmd/kubeconform@$(KUBECONFORM_VERSION)
$(BIN)/templ: PACKAGE := github.com/a-h/templ/cmd/templ@$(TEMPL_VERSION)
$(BIN)/kube-score: PACKAGE := github.com/zegl/kube-score/cmd/kube-score@$(KUBE_SCORE_VERSION)
# Installed into a folder of its own, then moved: both Helms are called helm.
$(BIN)/helm $(BIN)/helm3 $(BIN)/kubeconform $(BIN)/kube-score $(BIN)/templ: Makefile | $(BIN)
	@echo "installing $(notdir $@) (a minute or two, once)"
	@mkdir -p .tools/new/$(notdir $@)
	@GOBIN=$(CURDIR)/.tools/new/$(notdir $@) CGO_ENABLED=0 $(GO) install -ldflags='-s -w' $(PACKAGE)
	@mv .tools/new/$(notdir $@)/* $@ && touch $@

$(BIN)/docker-compose: tools/compose.sh Makefile | $(BIN)
	@echo "installing Docker Compose $(COMPOSE_VERSION) (a minute or two, once)"
	@tools/compose.sh $(COMPOSE_VERSION) $@ && touch $@

.tools/schemas/stamp: internal/test/chart/schemas/main.go
	@echo "making the schemas of Kubernetes"
	@rm -rf .tools/schemas && $(GO) run ./internal/test/chart/schemas -out .tools/schemas && touch $@

$(BIN)/promtool $(BIN)/prometheus: tools/promtool.sh tools/unpack.sh | $(BIN)
	@echo "installing $(notdir $@)"
	@tools/promtool.sh $@ && touch $@

$(BIN)/axe.min.js: Makefile | $(BIN) system
	@tools/axe.sh $(AXE_VERSION) $@
