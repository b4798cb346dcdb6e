# Every target is a task of ./dev: `make demo` runs `./dev demo`.
.DEFAULT_GOAL := help
.PHONY: FORCE
%: FORCE
	@./dev $@
Makefile: ;
FORCE:
