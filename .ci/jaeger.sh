# Jaeger for the tests, sourced by run: JAEGER_BIN names the program (version 2), or it is built from its Go module.
# That takes minutes, so it is done in the background, in a module of its own: Jaeger's has replacements, which keep
# `go install` from building it, and what it needs is none of this project's business. $work is a folder.

jaeger_version=v1.76.0 jaeger_build=

begin_jaeger() {
	[[ -z ${JAEGER_BIN:-} ]] || return 0
	mkdir "$work/jaeger"
	cat >"$work/jaeger/go.mod" <<-EOF
		module jaeger

		go 1.26

		require github.com/jaegertracing/jaeger $jaeger_version

		replace github.com/Shopify/sarama => github.com/Shopify/sarama v1.33.0

		tool github.com/jaegertracing/jaeger/cmd/jaeger
	EOF
	(cd "$work/jaeger" && exec setsid nice -n 19 bash -c \
		'go mod tidy && go build -trimpath -o building github.com/jaegertracing/jaeger/cmd/jaeger && mv building jaeger') \
		>"$work/jaeger.log" 2>&1 &
	jaeger_build=$!
}

# have_jaeger waits until the program is there, at most as many seconds, and sets JAEGER_BIN.
have_jaeger() {
	local left=$1
	while [[ -n $jaeger_build ]] && ((left-- > 0)) && kill -0 "$jaeger_build" 2>/dev/null; do sleep 1; done
	[[ ! -x $work/jaeger/jaeger ]] || JAEGER_BIN=$work/jaeger/jaeger
	[[ -n ${JAEGER_BIN:-} ]]
}

# stop_jaeger ends a build that is not needed any more.
stop_jaeger() {
	[[ -n $jaeger_build ]] || return 0
	kill -TERM -- "-$jaeger_build" 2>/dev/null || true
	wait "$jaeger_build" 2>/dev/null || true
}
