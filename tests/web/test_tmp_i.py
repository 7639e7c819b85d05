from tests.web.test_languages import *
from tests.web.test_languages import house
from collections import Counter
def test_it(house):
    import time
    for lang in ("zh","en"):
      for role in [None,*PEOPLE]:
        t=time.time(); w=walk(house, role, lang)
        print(role, lang, w.seen, round(time.time()-t,1), len(w.faults))
        for f in sorted(set(w.faults))[:12]: print('   ',f[:260])
        for k,v in Counter(x.split(': ',1)[1] for x in w.faults).most_common(20): print('   ',v,k[:200])
    print(sorted(w.endpoints))
