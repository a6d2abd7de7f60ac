#!/bin/bash
# What the official start script does, as far as the compose file relies on it: the password from a file that nobody
# else may read, settings from the environment, the configuration in ES_PATH_CONF, which must be writable.
set -euo pipefail
umask 0002
home=/usr/share/elasticsearch
conf=${ES_PATH_CONF:-$home/config}

mode=$(stat -L -c %a "$ELASTIC_PASSWORD_FILE")
if [[ $mode != 400 && $mode != 600 ]]; then
  echo "ERROR: File $ELASTIC_PASSWORD_FILE must have file permissions 400 or 600, but actually has: $mode" >&2
  exit 1
fi
python3 /usr/local/bin/password.py <"$ELASTIC_PASSWORD_FILE" >"$conf/users"
echo "superuser:elastic" >"$conf/users_roles"

# The jars lack these modules, and know no setting of theirs.
env | grep -E '^[a-z_]+(\.[a-z_]+)+=' | grep -vE '^(xpack\.ml|ingest\.geoip)\.' | sed 's/=/: /' >>"$conf/elasticsearch.yml"
cat >>"$conf/elasticsearch.yml" <<END
path.data: $home/data
path.logs: $home/logs
xpack.security.transport.ssl.enabled: false
xpack.security.authc.api_key.enabled: true
xpack.security.authc.reserved_realm.enabled: false
cluster.routing.allocation.disk.threshold_enabled: false
END
cd "$home"
exec java -Xms512m -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Djava.io.tmpdir=/tmp \
  -Des.path.home="$home" -Des.path.conf="$conf" -Des.distribution.type=tar \
  -cp "$(printf '%s:' lib/*.jar)" EsNode http.port=9200
