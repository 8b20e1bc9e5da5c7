# Thin: meson and ninja build, the scripts stand in .ci/.
.NOTPARALLEL:
.PHONY: help build run test check-asan install deb bench bench-quick faults order soak fuzz coverage reproducible format lint clean

# Without vptr: that check asks the kernel by a pipe whether memory is there, and reports a fault where
# the tests use up all descriptors.
# Optimised for debugging and with line tables alone, because what a sanitizer adds to the code makes
# every further pass of the compiler dear: it takes less than half the time of -O1 -g.
sanitize = -Doptimization=g -Db_sanitize=address,undefined -Db_lundef=false \
    '-Dcpp_args=-fno-sanitize=vptr -g1'
# In CI line tables do, too, which take a fifth less of the compiler's time than all of -g.
plain = $(if $(CI),-Dcpp_args=-g1)
define configure
@test -f $(1)/build.ninja || meson setup $(2) $(1)
$(if $(CI),@meson configure -Dwerror=true $(1))
endef

# Meson makes its target `all` build the programs of tests, too, of which a fifth of the time goes into
# the unit tests; build-asan runs those.
programs = $$(ninja -C build -t query all | sed -n '/outputs:/q; s/^    \([^|]\)/\1/p' | grep -v '^meson-')

#: make run           build all, then run the daemon on a demonstration in the foreground
#: make test          run every test, as it is and under ASan and UBSan
#: make build         compile into build/
#: make install       install (PREFIX=/usr/local, DESTDIR=)
#: make deb           build the Debian package into build-deb/
#: make coverage      run the tests on a build that counts, and name the lines that were not run
#: make reproducible  build what is committed twice in different places, and compare
#: make lint          clang-format, clang-tidy, cppcheck and shellcheck; ALL=1: for unchanged files, too
#: make format        let clang-format write the files anew
#: make fuzz          run each fuzz target for MINUTES=1
#: make order         force each order of events that race (a minute)
#: make faults        let each system call fail with each error, PHASE by PHASE (root, half an hour)
#: make soak          everything at once for MINUTES=20: clients, reloads, changes of the binary, kills
#: make bench         measure beside other super-servers (root, half an hour); bench-quick: 2 minutes
#: make clean         remove all that was built
help:
	@sed -n 's/^#: //p' Makefile

build:
	@.ci/install-packages build
	$(call configure,build,$(plain))
	$(if $(PREFIX),@meson configure build --prefix $(PREFIX))
	@ninja -C build $(programs)

run: build
	-@.ci/install-packages run
	@.ci/demo

check-asan:
	@.ci/install-packages build
	$(call configure,build-asan,$(sanitize))
	@ninja -C build-asan all meson-test-prereq

test: build check-asan
	@.ci/install-packages test
	@.ci/test

install: build
	@meson install -C build --no-rebuild

deb:
	@.ci/install-packages build deb
	@.ci/deb build-deb

bench: build
	@tests/bench/run

bench-quick: build
	@tests/bench/run --quick

faults: build
	@.ci/install-packages test
	@/usr/bin/python3 tests/system/faults.py $(PHASE)

soak: build
	@.ci/install-packages test
	@/usr/bin/python3 tests/system/soak.py $(or $(MINUTES),20)

order: build
	@.ci/install-packages test
	@/usr/bin/python3 -m pytest -q tests/system/test_order_*.py

fuzz:
	@.ci/install-packages build fuzz
	@.ci/fuzz $(or $(MINUTES),1)

coverage:
	@.ci/install-packages build test coverage
	@.ci/coverage

reproducible:
	@.ci/install-packages build
	@.ci/reproducible

lint:
	@.ci/install-packages build lint
	$(call configure,build,$(plain))
	@.ci/lint

format:
	@.ci/install-packages lint
	@find src services tests -regex '.*\.\(cc\|[ch]\)' -exec clang-format -i {} +

clean:
	rm -rf build build-asan build-fuzz build-coverage
