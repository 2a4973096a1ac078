curl -sS -X POST 'https://srv.lab.local:9419/api/token' \
  -H 'Content-Type: application/json' \
  -d '{"password":'"$(printf %s "$VEEAM_PASSWORD" | jq -Rs .)"'}'
