from tests.web.test_languages import *
from tests.web.test_languages import house
def test_it(house):
    import time
    for lang in ("zh","en"):
      for role in [None,*PEOPLE]:
        t=time.time(); w=walk(house, role, lang)
        print(role, lang, w.seen, round(time.time()-t,1), len(w.faults))
        for f in sorted(set(x.split(': ',1)[1] for x in w.faults))[:40]: print('   ',f[:260])
    print(sorted(w.endpoints))
