curl -sS -X DELETE 'https://srv.lab.local:9419/api/oauth2/token'
