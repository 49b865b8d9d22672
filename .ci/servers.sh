# Servers for the tests, sourced by run. Each listens on a free loopback port, keeps its files in a folder of its
# own, runs without root, and is told to the tests by an environment variable. $work is a folder for logs.

server_pids=() server_dirs=()

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# as USER COMMAND... becomes a command of a system user: call it in a subshell or in the background, where $! then
# is the command itself.
as() { exec setpriv --reuid="$1" --regid="$(id -g "$1")" --clear-groups "${@:2}"; }

# own_folder USER makes a folder of USER and puts its name into the caller's $folder.
own_folder() {
	folder=$(mktemp -d)
	chown "$1" "$folder"
	server_dirs+=("$folder")
}

# await NAME PORT waits until the server started last listens, at most a minute, or shows its log.
await() {
	local pid=${server_pids[-1]}
	for _ in {1..300}; do
		if (exec 3<>"/dev/tcp/127.0.0.1/$2") 2>/dev/null; then
			echo "$1 listens on port $2"
			return
		fi
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.2
	done
	echo "$1 did not start" >&2
	tail -n 40 "$work/$1.log" >&2
	return 1
}

start_postgres() {
	local bin port folder
	bin=$(dirname "$(dpkg -L postgresql-15 | grep '/bin/initdb$')")
	port=$(free_port)
	own_folder postgres
	(as postgres "$bin/initdb" -D "$folder/data" -A trust -U postgres -E UTF8 --no-sync --locale=C.UTF-8) >"$work/initdb.log"
	as postgres "$bin/postgres" -D "$folder/data" -p "$port" -c listen_addresses=127.0.0.1 \
		-c unix_socket_directories="$folder" >"$work/postgres.log" 2>&1 &
	server_pids+=($!)
	await postgres "$port"
	until "$bin/pg_isready" -q -h 127.0.0.1 -p "$port" -U postgres -t 10; do sleep 0.2; done
	export IDPHOTO_TEST_POSTGRES="postgres://postgres@127.0.0.1:$port/postgres?sslmode=disable"
}

# start_rabbitmq first starts Erlang's port mapper, which RabbitMQ would leave behind, open to the network.
start_rabbitmq() {
	local server port mapper folder
	server=$(dpkg -L rabbitmq-server | grep '/rabbitmq_server-[^/]*/sbin/rabbitmq-server$')
	port=$(free_port) mapper=$(free_port)
	own_folder rabbitmq
	as rabbitmq epmd -address 127.0.0.1 -port "$mapper" >"$work/epmd.log" 2>&1 &
	server_pids+=($!)
	await epmd "$mapper"
	as rabbitmq env HOME="$folder" ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT="$mapper" RABBITMQ_NODENAME=test@localhost \
		RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 RABBITMQ_NODE_PORT="$port" RABBITMQ_DIST_PORT="$(free_port)" \
		RABBITMQ_MNESIA_BASE="$folder/db" RABBITMQ_LOG_BASE="$folder/log" RABBITMQ_CONFIG_FILE="$folder/none" \
		RABBITMQ_ENABLED_PLUGINS_FILE="$folder/plugins" \
		RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1}' "$server" >"$work/rabbitmq.log" 2>&1 &
	server_pids+=($!)
	await rabbitmq "$port"
	export IDPHOTO_TEST_RABBIT="amqp://guest:guest@127.0.0.1:$port/"
}

start_nats() {
	local port folder
	port=$(free_port)
	own_folder nobody
	as nobody nats-server -a 127.0.0.1 -p "$port" -js -sd "$folder" >"$work/nats.log" 2>&1 &
	server_pids+=($!)
	await nats "$port"
	export IDPHOTO_TEST_NATS="nats://127.0.0.1:$port"
}

# start_sqs starts an imitation of SQS from the venv $work/moto.
start_sqs() {
	local port
	port=$(free_port)
	"$work/moto/bin/moto_server" -H 127.0.0.1 -p "$port" >"$work/sqs.log" 2>&1 &
	server_pids+=($!)
	await sqs "$port"
	export IDPHOTO_TEST_SQS="http://127.0.0.1:$port"
}

# stop_servers stops them in the reverse order. INT is Postgres's fast shutdown; RabbitMQ and epmd want TERM.
stop_servers() {
	local i
	for ((i = ${#server_pids[@]} - 1; i >= 0; i--)); do
		kill -TERM "${server_pids[i]}" 2>/dev/null || true
		kill -INT "${server_pids[i]}" 2>/dev/null || true
		wait "${server_pids[i]}" 2>/dev/null || true
	done
	((${#server_dirs[@]} == 0)) || rm -rf "${server_dirs[@]}"
}
