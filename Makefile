# Targets with one line each; `make` alone lists them.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SPEED ?= 1
PORT ?= 8117
SEED ?= 1
NODES ?= 1

BROKERS ?= 1
THREE := COMPOSE_PROFILES=three REPLICATION=3 VOTERS=1@kafka-1:9093,2@kafka-2:9093,3@kafka-3:9093 \
	BOOTSTRAP=kafka-1:9092,kafka-2:9092,kafka-3:9092 \
	HOST_BOOTSTRAP=127.0.0.1:19092,127.0.0.1:29092,127.0.0.1:39092
COMPOSE := $(if $(filter 3,$(BROKERS)),$(THREE)) docker compose

.DEFAULT_GOAL := help
.PHONY: help setup demo kafka up down test lint types imports tests soak same bench schemas behaviour clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.complete ## build the environment in .venv, with .venv/bin/tocsin

$(VENV)/.complete: requirements-dev.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -m dashboards.live.bundle
	@touch $@

demo: setup ## simulate the AK117 trial and show it on a live page (SPEED=, PORT=)
	$(BIN)/tocsin demo --speed $(SPEED) --port $(PORT)

kafka: setup ## a Kafka on loopback until Ctrl-C, with its address (NODES=3 for three brokers)
	$(BIN)/python -m tests.kafka --nodes $(NODES)

up: ## the distributed engine in containers (BROKERS=3 for three; its passwords are named in docker-compose.yml)
	$(COMPOSE) up --build --detach

down: ## stop it; what it holds stays
	$(COMPOSE) down

test: setup lint types imports tests ## make the environment and run every check

lint: setup ## ruff: style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup ## mypy, strict
	$(BIN)/mypy

imports: setup ## imports point one way
	$(BIN)/lint-imports

tests: setup ## the tests
	$(BIN)/python -m pytest

soak: setup ## the long crash test of the distributed engine: 20,000 facts, 20 kills (SEED=1)
	$(BIN)/python -m tests.kafka.soak $(SEED)

same: setup ## both engines hold a real trial (TOCSIN_SDTM) and one of 100,000 facts against each other, byte for byte
	$(BIN)/python -m tests.kafka.same

bench: setup ## ratios, measured side by side in one run, with the hardware
	$(BIN)/python -m benchmarks

schemas: setup ## write the JSON Schemas of every fact and finding, to be committed
	$(BIN)/python -m tests.schemas.write_json_schemas

behaviour: setup ## write docs/behaviour.md from the stories in tests/stories, to be committed
	$(BIN)/python -m tests.stories

clean: ## remove what was built
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
