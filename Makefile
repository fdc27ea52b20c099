# How PiCloud is built, run and checked. `make help` lists the targets.
#
# Needed: Go (the version in go.mod or newer) and make. A target that needs
# more installs it from Debian's packages and says so (scripts/need).

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

VERSION   ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
SHARED    ?= ../shared
DATA      ?= data
FUZZTIME  ?= 30s
BENCHTIME ?= 5s

# A tool, pinned here and not in go.mod, where it would be everybody's.
STATICCHECK := v0.8.2

# The recorded cases. The attacks among them have no recorded outcome: go test
# runs those.
CORPORA = $(filter-out %/adversarial.jsonl,$(wildcard $(SHARED)/conformance/*.jsonl))

# Where our Go code is: not the data, nor what npm brings.
GODIRS := $(wildcard bench cmd dashboard/*.go internal rhai test)

# The binaries are static: no cgo, no paths of the machine that built them.
# Version control is asked above, not by go build, which refuses clones that
# belong to another user. -funcalign: see rhai/internal/vm/align.go.
BUILD := CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-s -w -funcalign=64 -X main.version=$(VERSION)'

# What the dashboard is built from, and what the build leaves in dashboard/dist.
# Its tools run on the Node.js that npm ci puts into node_modules, whatever the
# machine's own is; that one only has to run npm.
DASHBOARD_SOURCES := $(shell find dashboard/src dashboard/static dashboard/scripts -type f -not -name schema.d.ts) \
	dashboard/package.json dashboard/vite.config.ts dashboard/tsconfig.json docs/openapi.json
DASHBOARD := $(if $(shell command -v npm),dashboard/dist/index.html.br,no-dashboard)
NODE := dashboard/node_modules/.bin/node

# The race detector is C.
RACE := bash scripts/need gcc:gcc /usr/include/stdlib.h:libc6-dev caddy:caddy /usr/lib/postgresql:postgresql && CGO_ENABLED=1 go test -race -timeout 25m

.PHONY: help run build cluster allocations test test-short race conformance fuzz bench bench-http bench-isolate bench-smoke oidc generate chaos lint vet fmt clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## build PiCloud and start it on the embedded database in ./data
	@exec bin/picloud serve --data $(DATA)

cluster: ## run PostgreSQL, Caddy, a manager and three nodes on loopback until Ctrl-C
	@bash scripts/need caddy:caddy /usr/lib/postgresql:postgresql
	@mkdir -p bin
	@go test -c -o bin/cluster.test ./test/cluster
	@cd test/cluster && exec ../../bin/cluster.test -test.run '^TestStay$$' -test.timeout 0 -stay $(if $(SMOKE),-smoke)

build: $(DASHBOARD) ## build bin/picloud and bin/rhai, with the dashboard where there is Node.js
	@mkdir -p bin
	$(BUILD) -o bin/ ./cmd/...

.PHONY: dashboard no-dashboard check-dashboard test-dashboard
dashboard: ## build the pages that people see into dashboard/dist (npm of Debian if there is none)
	@bash scripts/need npm:npm
	@$(MAKE) --no-print-directory dashboard/dist/index.html.br

no-dashboard:
	@[ -e dashboard/dist/index.html.br ] || echo "There is no npm here, so the dashboard is left out of the program; make dashboard installs npm and builds it." >&2

dashboard/dist/index.html.br: dashboard/node_modules/.package-lock.json $(DASHBOARD_SOURCES)
	cd dashboard && npm run --silent api >/dev/null && npm run --silent build | tail -1

%/node_modules/.package-lock.json: %/package-lock.json
	cd $* && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

check-dashboard: dashboard ## check the types of the dashboard and run its unit tests
	cd dashboard && npm run --silent check && npm run --silent test

test-dashboard: check-dashboard build test/dashboard/node_modules/.package-lock.json ## drive the dashboard of the built binary with Chromium (ONLY=part of a file's name)
	@bash scripts/need /usr/bin/chromium:chromium
	$(NODE) test/dashboard/run.ts $(ONLY)

test: vet conformance allocations bench-smoke oidc test-dashboard ## check everything: format, vet, conformance, all tests with the race detector
	$(RACE) ./...

test-short: ## run the quick tests, without the race detector
	go test -short ./...

race: ## run all tests with the race detector
	$(RACE) ./...

allocations: ## count allocations, which the race detector would add to
	go test -run 'Allocations' ./rhai ./internal/httpd ./internal/orchestrator

conformance: build ## compare bin/rhai with the recorded behaviour of native Rhai
	@if [ -n "$(CORPORA)" ]; then \
		bin/rhai conformance -known docs/rhai-differences.md $(CORPORA); \
	else \
		echo "conformance: skipped, there is no corpus at $(SHARED)/conformance (set SHARED)"; \
	fi

fuzz: ## run each fuzz target for FUZZTIME (30s)
	@bash scripts/fuzz $(FUZZTIME)

bench-http: build ## measure requests a second against bare net/http and goja handlers
	@bash scripts/need wrk:wrk
	go -C bench test -run '^$$' -bench HTTP -benchtime 1x -timeout 30m . -round $(BENCHTIME)

bench-isolate: build ## measure what running scripts in a child process costs
	@bash scripts/need wrk:wrk
	go -C bench test -run '^$$' -bench Isolate -benchtime 1x -timeout 30m . -round $(BENCHTIME)

.PHONY: bench-fair bench-idle bench-cold
bench-fair: build ## measure what a flood on one app does to another
	@bash scripts/need wrk:wrk
	go -C bench test -run '^$$' -bench Fair -benchtime 1x -timeout 30m . -round $(BENCHTIME)

bench-idle: build ## measure what an idle server with 1,000 scripts uses in a minute
	go -C bench test -run '^$$' -bench Idle -benchtime 1x -timeout 30m .

bench-cold: build ## measure first requests and memory with 10,000 scripts
	go -C bench test -run '^$$' -bench Cold -benchtime 1x -timeout 30m . -scripts 10000

bench: ## compare the script engine with those of others (lua5.4 too)
	@bash scripts/need lua5.4:lua5.4 /usr/share/doc/lua-cjson:lua-cjson
	@mkdir -p bin
	go -C bench run -ldflags=-funcalign=64 ./engine -gogc 100,400 -json ../bin/bench-engine.json

bench-smoke: build ## run the benchmarks at their smallest: do they work?
	@bash scripts/need wrk:wrk
	go -C bench test ./...
	go -C bench test -run '^$$' -bench 'HTTP|Fair|Idle|Cold' -benchtime 1x . -round 1s -rounds 1 -idle 1s -scripts 20

generate: ## write what is made from the code: the tables of the docs, the matrix of who gets what, docs/openapi.json
	go test ./internal/access -run TestTheGuideHasTheTable -update
	go test ./internal/manager -run 'TestMatrix$$|TestOpenAPI$$' -update

oidc: ## sign in to the binary with a real OpenID provider
	go -C bench/oidc test ./...

chaos: build ## kill a server 500 times in the middle of transfers; nothing may be lost
	PICLOUD_CHAOS_KILLS=$(or $(KILLS),500) go test -count=1 -timeout 120m -run TestTransfersSurviveKills -v ./test/e2e

lint: vet ## check the format, run go vet and staticcheck
	go run honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK) ./...

vet: ## check the format and run go vet
	@unformatted=$$(gofmt -l $(GODIRS)); \
	if [ -n "$$unformatted" ]; then echo "gofmt would change:" $$unformatted; exit 1; fi
	go vet ./...
	go -C bench vet ./...

fmt: ## format the Go code
	gofmt -w $(GODIRS)

clean: ## remove what was built (not ./data)
	rm -rf bin dashboard/build dashboard/.svelte-kit dashboard/node_modules test/dashboard/node_modules
	find dashboard/dist -mindepth 1 -not -name .gitkeep -delete
	go clean -testcache
