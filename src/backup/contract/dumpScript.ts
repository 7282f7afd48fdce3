import { PIPE_PATH } from './contract.ts';

/** Files that both containers know, below the shared folder. A number in front of a name is that of a line of `work`. */
export const PIPE_FILES = {
  /** What the agent asks for: a line with the action and the TLS mode, then one line for each run of the tool. */
  work: 'databases',
  /** Counters that grow while their container lives. */
  agentBeat: 'agent.beat',
  toolBeat: 'tool.beat',
  /** Left by an agent that gives up. */
  agentFailed: 'agent.failed',
  /** What the tool calls itself. */
  version: 'tool.version',
  /** Left by a script that did all that was asked. */
  done: 'tool.done',
  /** Why the script ended early. */
  toolFailed: 'tool.failed',
  fifo: 'fifo',
  /** Exit code of the tool, written after `errors` is complete. */
  exit: 'exit',
  errors: 'errors',
} as const;

export type ToolAction = 'dump' | 'restore';
export const SCRIPT_ENGINES = ['PGSQL', 'MYSQL'] as const;
export type ScriptEngine = (typeof SCRIPT_ENGINES)[number];

/**
 * What the container of the database's image runs: `sh -c SCRIPT`. Its variables are those of the stack, `WA_DB_*`, and
 * `WABA_BACKUP_PIPE`, `WABA_BACKUP_START_SECONDS` and `WABA_BACKUP_SILENCE_SECONDS` as the agent has them. It needs a POSIX
 * shell, mkfifo, and the tools of the engine. No password stands in an argument.
 */
export const dumpScript = (engine: ScriptEngine): string => `${HEAD}${ENGINES[engine]}${TAIL}`;

/** How the two containers talk, and how each finds out that the other one is gone. */
const HEAD = `set -u
umask 077
pipe=\${WABA_BACKUP_PIPE:-${PIPE_PATH}}
start_seconds=\${WABA_BACKUP_START_SECONDS:-600}
silence_seconds=\${WABA_BACKUP_SILENCE_SECONDS:-60}
child= watcher= private=

# The agent runs as another user, and the folder belongs to this pod alone.
leave() {
  printf '%s\\n' "$2" > "$pipe/$1.new" && chmod 644 "$pipe/$1.new" && mv -f "$pipe/$1.new" "$pipe/$1"
}
end() {
  trap - EXIT TERM INT
  [ -n "$child" ] && kill "$child" 2> /dev/null
  [ -n "$watcher" ] && kill "$watcher" 2> /dev/null
  [ -n "$private" ] && rm -f "$private"
  exit "$1"
}
fail() {
  echo "$1" >&2
  leave ${PIPE_FILES.toolFailed} "$1"
  end 1
}
trap 'end $?' EXIT
trap 'end 143' TERM INT

# Ends this script when the agent falls silent or gives up: a tool that waits for a reader would wait for ever.
watch() {
  main=$1 beats=0 last= silent=0 limit=$start_seconds
  while :; do
    beats=$((beats + 1))
    leave ${PIPE_FILES.toolBeat} "$beats" || exit
    if [ -e "$pipe/${PIPE_FILES.agentFailed}" ]; then
      kill -TERM "$main"
      exit
    fi
    beat=$(cat "$pipe/${PIPE_FILES.agentBeat}" 2> /dev/null)
    if [ "$beat" = "$last" ]; then
      silent=$((silent + 1))
    else
      last=$beat silent=0 limit=$silence_seconds
    fi
    if [ "$silent" -gt "$limit" ]; then
      echo "the agent has been silent for $limit seconds" >&2
      kill -TERM "$main"
      exit
    fi
    sleep 1
  done
}
# Kubernetes turns two dollar signs of a command into one, so the shell's own variable for its number is no use here.
own_number=$(exec sh -c 'echo "$PPID"')
watch "$own_number" &
watcher=$!

until [ -e "$pipe/${PIPE_FILES.work}" ]; do
  sleep 0.2
done
{ read -r action tls; } < "$pipe/${PIPE_FILES.work}"

# Runs a tool with the named pipe of line $1 as its input or output, and leaves how it ended.
run() {
  number=$1
  shift
  mkfifo -m 666 "$pipe/$number.fifo.new" && mv "$pipe/$number.fifo.new" "$pipe/$number.${PIPE_FILES.fifo}" ||
    fail "mkfifo failed in $pipe"
  if [ "$action" = dump ]; then
    "$@" > "$pipe/$number.${PIPE_FILES.fifo}" 2> "$pipe/$number.log" < /dev/null &
  else
    "$@" < "$pipe/$number.${PIPE_FILES.fifo}" > /dev/null 2> "$pipe/$number.log" &
  fi
  child=$!
  wait "$child"
  code=$?
  child=
  cat "$pipe/$number.log" >&2
  leave "$number.${PIPE_FILES.errors}" "$(tail -n 20 "$pipe/$number.log" | tail -c 4000)"
  leave "$number.${PIPE_FILES.exit}" "$code"
  [ "$code" -eq 0 ] || failed=1
}
failed=0
`;

/** As coreutils write it. */
const TOOL_BUFFER = '256K';

const ENGINES: Readonly<Record<ScriptEngine, string>> = {
  PGSQL: `
export PGHOST="$WA_DB_HOSTNAME" PGPORT="\${WA_DB_PORT:-5432}" PGUSER="$WA_DB_USERNAME" PGPASSWORD="$WA_DB_PASSWORD"
export PGCONNECT_TIMEOUT=30 PGSSLMODE="$tls" PGAPPNAME=waba-backup
[ -n "\${WA_DB_SSL_CA:-}" ] && export PGSSLROOTCERT="$WA_DB_SSL_CA"
if [ -n "\${WA_DB_SSL_CERT:-}" ]; then
  # libpq refuses a key that others may read, as a mounted Secret is.
  private=$pipe/tool.key
  cat "$WA_DB_SSL_KEY" > "$private" || fail "cannot read $WA_DB_SSL_KEY"
  export PGSSLCERT="$WA_DB_SSL_CERT" PGSSLKEY="$private"
fi
tool=pg_dump
[ "$action" = dump ] || tool=pg_restore
version=$("$tool" --version) || fail "this image has no $tool; set the image of the database"
# A line holds the database and, for a dump, the snapshot to read.
perform() {
  if [ "$action" = dump ]; then
    run "$1" pg_dump --format=custom --compress=1 --no-password --snapshot="$3" --dbname="$2"
  else
    run "$1" pg_restore --exit-on-error --no-owner --no-privileges --no-password --dbname="$2"
  fi
}
`,
  MYSQL: `
if command -v mariadb-dump > /dev/null; then
  tool=mariadb-dump client=mariadb
else
  tool=mysqldump client=mysql
fi
version=$("$tool" --version) || fail "this image has neither mariadb-dump nor mysqldump; set the image of the database"
case $version in
  *MariaDB*)
    own= verified=ssl-verify-server-cert=1 encrypted=ssl=1 plain=ssl-verify-server-cert=0
    full=$verified
    ;;
  *)
    own="--set-gtid-purged=OFF --no-tablespaces --column-statistics=0"
    full=ssl-mode=VERIFY_IDENTITY verified=ssl-mode=VERIFY_CA encrypted=ssl-mode=REQUIRED plain=ssl-mode=PREFERRED
    ;;
esac
case $tls in
  verify-full) mode=$full ;;
  verify-ca) mode=$verified ;;
  require) mode=$encrypted ;;
  *) mode=$plain ;;
esac
# The tool writes 4 KiB at a time, and each wakes up whoever reads the pipe. Not every image has stdbuf.
buffered=
stdbuf -o${TOOL_BUFFER} true 2> /dev/null && buffered="stdbuf -o${TOOL_BUFFER}"
private=$pipe/tool.cnf
{
  echo '[client]'
  printf 'user="%s"\\n' "$(printf '%s' "$WA_DB_USERNAME" | sed 's/[\\\\"]/\\\\&/g')"
  printf 'password="%s"\\n' "$(printf '%s' "$WA_DB_PASSWORD" | sed 's/[\\\\"]/\\\\&/g')"
  printf 'host="%s"\\nport=%s\\nprotocol=TCP\\n' "$WA_DB_HOSTNAME" "\${WA_DB_PORT:-3306}"
  echo "$mode"
  [ -n "\${WA_DB_SSL_CA:-}" ] && printf 'ssl-ca="%s"\\n' "$WA_DB_SSL_CA"
  [ -n "\${WA_DB_SSL_CERT:-}" ] && printf 'ssl-cert="%s"\\nssl-key="%s"\\n' "$WA_DB_SSL_CERT" "$WA_DB_SSL_KEY"
  :
} > "$private" || fail "cannot write $private"
# A line holds all databases: one transaction reads them at one moment.
perform() {
  number=$1
  shift
  if [ "$action" = dump ]; then
    # shellcheck disable=SC2086
    run "$number" $buffered "$tool" --defaults-file="$private" $own --single-transaction --quick --routines --triggers \\
      --skip-lock-tables --default-character-set=utf8mb4 --max-allowed-packet=512M --databases "$@"
  else
    run "$number" "$client" --defaults-file="$private" --default-character-set=utf8mb4 \\
      --max-allowed-packet=512M --binary-mode --batch
  fi
}
`,
};

const TAIL = `
leave ${PIPE_FILES.version} "$version"
line_number=0
while read -r line; do
  # The first line is the action. Names of databases hold no blanks.
  # shellcheck disable=SC2086
  [ "$line_number" -eq 0 ] || perform "$line_number" $line
  # A dump that failed makes the others worthless.
  [ "$failed" -eq 0 ] || end 1
  line_number=$((line_number + 1))
done < "$pipe/${PIPE_FILES.work}"
leave ${PIPE_FILES.done} 1
end 0
`;
