from collect.runtime import Runtime
from collect.domain.rights import SYSTEM
def test_smoke(runtime: Runtime) -> None:
    with runtime.read(SYSTEM) as view:
        assert view.seller.currency == "CNY"
