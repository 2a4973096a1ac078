curl -sS 'https://srv.lab.local:9419/api/v1/serverInfo' \
  --cacert 'lab ca'\''s.pem' \
  -H "Authorization: Bearer $VEEAM_ACCESS_TOKEN" \
  -H 'x-api-version: 1.1-rev1'
