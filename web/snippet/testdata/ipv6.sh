curl -sS --globoff 'https://[::1]:9419/a'
