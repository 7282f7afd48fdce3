#!/bin/sh
# The first start creates the database; every start then runs the server with the arguments of the container.
set -eu
: "${MARIADB_ROOT_PASSWORD:?MARIADB_ROOT_PASSWORD is not set}"
datadir=/var/lib/mysql
for word in "$@"; do
  case $word in --datadir=*) datadir=${word#--datadir=} ;; esac
done
if [ ! -d "$datadir" ]; then
  rm -rf "$datadir.new"
  accounts=$(mktemp)
  cat >"$accounts" <<SQL
DELETE FROM mysql.global_priv WHERE Host <> 'localhost';
DELETE FROM mysql.proxies_priv WHERE Host <> 'localhost';
FLUSH PRIVILEGES;
ALTER USER 'root'@'localhost' IDENTIFIED BY '$MARIADB_ROOT_PASSWORD';
CREATE USER 'root'@'%' IDENTIFIED BY '$MARIADB_ROOT_PASSWORD';
GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION;
SQL
  mariadb-install-db --no-defaults --datadir="$datadir.new" --auth-root-authentication-method=normal --skip-test-db \
    --force --extra-file="$accounts" >&2
  rm "$accounts"
  mv "$datadir.new" "$datadir"
fi
exec mariadbd --no-defaults --socket=/run/mysqld/mysqld.sock "$@"
