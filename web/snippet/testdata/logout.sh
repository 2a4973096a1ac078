curl -sS -X POST 'https://srv.lab.local:9419/api/oauth2/logout' \
  -H "Authorization: Bearer $VEEAM_ACCESS_TOKEN" \
  -H 'Content-Length: 0'
