import httpx
from llmops_sdk.values import *
from llmops_sdk.errors import RequestError
class HttpTransport:
    def __init__(s,e): s.e=e; s.c=httpx.Client(trust_env=False,verify=False)
    def send(s,p,g):
        try: r=s.c.post(s.e.url,json={"inputs":p.text})
        except httpx.HTTPError as x: raise RequestError(str(x),retryable=True)
        if r.status_code!=200: raise RequestError(r.text,retryable=r.status_code>=500 or r.status_code==429)
        d=r.json()[0]
        return Reply(d["generated_text"],d["details"]["prompt_tokens"],d["details"]["generated_tokens"],"stop")
    def close(s): s.c.close()
