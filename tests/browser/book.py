"""A company as a browser meets it: fourteen invented customers and some eighty invoices of every age, ten days of collecting, people of every role."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher

from collect import settings
from collect.domain.rights import SYSTEM, Actor, Role
from collect.runtime import Runtime
from collect.services import cash, imports, months, setup, users
from collect.storage import database
from tests import happenings
from tests.browser import cash_book

PASSWORD = "seven tall sea horses"
COMPANY = setup.Company("瀚海医疗 Hanhai Medical", "CN", "CNY", "Asia/Shanghai", "zh")
PEOPLE = {
    "rui": ("Rui Chen 陈睿", Role.REP),
    "rosa": ("Rosa Lindqvist", Role.REP),
    "lan": ("Lan Huang 黄岚", Role.LEAD),
    "fang": ("Fang Liu 刘芳", Role.FINANCE),
    "ming": ("Ming Zhao 赵明", Role.MANAGER),
    "ao": ("Ao Sun 孙傲", Role.AUDITOR),
    "ada": ("Ada Wu 吴爱达", Role.ADMIN),
}
TODAY = date(2026, 3, 10)
"""Today in the book: noon in Shanghai."""

CUSTOMERS = """customer_no,name,segment,rep,collector,terms,credit_limit,currency,country,language,phone,tax_no,email,address,parent_no
C1001,青禾大药房连锁有限公司,dealer,rui,fang,NET30,500000.00,CNY,CN,zh,021-5888 1200,91310115MA1K4QH001,ap@qinghe.example,上海市浦东新区银城路88号12层,
C1002,青禾大药房（苏州）有限公司,dealer,rui,fang,NET30,150000.00,CNY,CN,zh,0512-6288 3300,,suzhou@qinghe.example,,C1001
C1003,北辰人民医院,public_hospital,rui,,NET60,,CNY,CN,zh,022-2781 0001,,cw@beichen-hospital.example,天津市北辰区京津路100号,
C1004,Blue Harbor Dental Supply Inc.,dealer,rui,fang,NET30,20000.00,USD,US,en,+1 206 555 0142,,payables@blueharbor.example,"1400 Elliott Ave, Seattle WA",
C1005,云岭康复中心,clinic,rui,,30/50+60/50,,CNY,CN,zh,,,,,
C2001,東海メディカル株式会社,dealer,rosa,fang,NET45,3000000,JPY,JP,en,+81 3 5555 0188,,keiri@tokai-medical.example,東京都港区芝公園4-2-8,
C2002,Meridian Orthopaedics Pty Ltd,clinic,rosa,,NET30,,USD,AU,en,,,accounts@meridian.example,,
C2003,岭南第一医院,public_hospital,rosa,,NET90,,CNY,CN,zh,020-8333 9000,,,,
C2004,松江精诚牙科门诊部,clinic,rosa,fang,NET30,60000.00,CNY,CN,zh,,,,,
C3001,"The Association of Regional Orthopaedic, Rehabilitation & Sports Medicine Clinics of the Northern Territories",clinic,,fang,NET30,,USD,AU,en,,,,,
C3002,内蒙古自治区呼伦贝尔市鄂伦春自治旗大兴安岭林区中心医院医疗联合体设备采购与供应链管理中心（第二分部）,public_hospital,,fang,NET60,,CNY,CN,zh,,,,,
C3003,秦川口腔器械经营部,dealer,,fang,COD,30000.00,CNY,CN,zh,029-8765 4321,,,,
C3004,新安医学院附属医院,public_hospital,rosa,,30/30@DELIVERY+60/60@ACCEPTANCE+365/10@WARRANTY,,CNY,CN,zh,,,,,
C3005,晨星健康科技有限公司,online,rui,,NET30,,CNY,CN,zh,,,,,
"""
# Days past due on 10 March 2026 (negative: still to come) and the amount, one invoice each; issued 30 days before it is due.
# Rui's dollars: 12,000.00 + 4,500.00 + 1,250.00 = 17,750.00, of which R-7004 pays 2,000.00 of the oldest: 15,750.00 are open.
# Yen: 1,280,000 + 640,000 + 95,000 = 2,015,000.
INVOICES = {
    ("C1001", "CNY"): "-26:48200.00 -19:126400.00 -3:30960.00 4:38650.50 18:92000.00 29:7315.20 47:15820.00 52:21400.00 75:64300.00 88:4120.00 130:8800.00 171:12650.00",
    ("C1002", "CNY"): "-11:18400.00 2:9260.00 16:33150.00 41:27800.00 66:5400.00 104:19990.00",
    ("C1003", "CNY"): "-28:210000.00 -14:88000.00 21:154300.00 58:76500.00 119:43200.00 204:118700.00 340:25600.00 412:61000.00 655:8940.00",
    ("C1004", "USD"): "-9:12000.00 14:4500.00 61:1250.00",
    ("C2001", "JPY"): "-22:1280000 9:640000 33:95000",
    ("C2002", "USD"): "-15:8640.00 11:3120.00 37:990.50 95:415.00",
    ("C2003", "CNY"): "-30:345000.00 -8:127500.00 6:64800.00 70:39000.00 155:88200.00 288:17300.00 391:52600.00 702:29900.00 810:14800.00 1180:6200.00",
    ("C2004", "CNY"): "-5:6480.00 3:2150.00 26:11900.00 49:3300.00 81:7750.00",
    ("C3001", "USD"): "-2:2200.00 22:1875.00 140:640.00",
    ("C3002", "CNY"): "-17:58000.00 35:23400.00 92:16100.00 233:9870.00 520:4400.00 944:12000.00 1310:3600.00",
    ("C3003", "CNY"): "1:3980.00 8:5120.00 13:760.00 62:15400.00 183:2600.00",
    ("C3005", "CNY"): "-24:9900.00 -1:4450.00 10:13800.00",
}
PAID = {("C1001", "CNY"): "60:52000.00 96:18800.00 151:30500.00", ("C1003", "CNY"): "80:99000.00 310:47000.00", ("C2004", "CNY"): "30:5600.00 58:4100.00"}
MORE = """invoice_no,customer_no,issue_date,currency,amount,po_no,description,status
H-2026-011,C1005,2026-01-20,CNY,50000.00,YL-26-7,"康复训练床 2 台, 分两期付款",
H-2026-012,C1005,2026-02-25,CNY,18600.00,YL-26-9,步态训练垫,
H-2026-021,C3004,2026-02-02,CNY,880000.00,XA/2025/118,数字化 X 射线机一台：到货付三成、验收付六成、质保期满付一成,
H-2026-022,C3004,2026-03-03,CNY,36000.00,,"Antistatikhandschuhverpackungseinheitengroßhandelsbestellnummernverzeichnis-2026-0303-A",
H-2026-031,C2004,2026-01-15,CNY,4100.00,,wrong price,void
"""
PAYMENTS = """payment_ref,customer_no,date,currency,amount,invoice_no,allocated,method,bank_reference
R-7001,C1001,2026-02-12,CNY,60000.00,{C1001:75},44300.00,transfer,ICBC-0212-8841
R-7001,C1001,2026-02-12,CNY,60000.00,{C1001:130},5000.00,transfer,ICBC-0212-8841
R-7002,C1003,2026-02-27,CNY,100000.00,{C1003:204},100000.00,bill,
R-7003,C2003,2026-03-06,CNY,25000.00,,,transfer,CCB-0306-0912
R-7004,C1004,2026-03-02,USD,2000.00,{C1004:14},2000.00,transfer,FW-20260302
R-7005,C2001,2026-03-05,JPY,150000,,,transfer,MUFG-0305
R-7006,C3003,2026-03-09,CNY,3980.00,{C3003:1},3980.00,cash,
R-7007,C1005,2026-03-01,CNY,20000.00,H-2026-011,20000.00,transfer,CMB-0301
"""
CREDITS = """credit_no,customer_no,date,currency,amount,invoice_no,reason
CN-501,C1001,2026-02-20,CNY,3200.00,{C1001:47},退货：包装破损
CN-502,C2004,2026-03-04,CNY,1150.00,,价格折让
CN-503,C2002,2026-03-05,USD,90.50,{C2002:37},freight charged twice
"""
CONTACTS = """customer_no,name,role,decides,original,mobile,email,wechat,preferred_time
C1001,王莉,finance,yes,yes,13800138000,wang.li@qinghe.example,wangli_qh,周二上午
C1001,周建国,owner,yes,no,13900139000,,,
C1003,李主任,head,yes,yes,13700137000,li@beichen-hospital.example,,
C1004,Dana Whitfield,finance,yes,yes,,dana@blueharbor.example,,Tue 9-11 PST
C2001,佐藤 健,cashier,no,yes,,sato@tokai-medical.example,,
C3004,郑敏,purchasing,no,no,13600136000,,zhengmin-xa,
"""
# Of this file two rows go in; three are refused, each for its own reason.
PARTLY = """invoice_no,customer_no,issue_date,due_date,currency,amount,remark
P-2601,C3003,2026-03-02,2026-03-30,CNY,1880.00,x
P-2602,C9999,2026-03-02,2026-04-01,CNY,250.00,x
P-2603,C2004,2026-03-03,2026-04-02,CNY,1e3,x
P-2604,C2004,2026-03-05,2026-02-28,CNY,920.00,x
P-2605,C3005,2026-03-06,2026-04-05,CNY,640.00,x
"""


class Clock:
    """A clock that is set; each reading is one millisecond later, so that instants differ and pictures do not."""

    def __init__(self, text: str) -> None:
        self.set(text)

    def set(self, text: str) -> None:
        """Set it to an ISO instant in UTC."""
        self.now = datetime.fromisoformat(text).replace(tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now


def number(customer: str, days: int) -> str:
    """The number of the generated invoice of a customer that is so many days past due."""
    issued = TODAY - timedelta(days=days + 30)
    return f"H{issued:%y%m%d}-{customer[1:]}"


def filled(text: str) -> str:
    """Put invoice numbers in the place of `{customer:days}`."""
    named = {f"{{{customer}:{days}}}": number(customer, days) for (customer, _), rows in INVOICES.items() for days, _ in _parts(rows)}
    for mark, found in named.items():
        text = text.replace(mark, found)
    return text


def _parts(rows: str) -> Iterator[tuple[int, str]]:
    for pair in rows.split():
        days, _, amount = pair.partition(":")
        yield int(days), amount


def invoices(book: dict[tuple[str, str], str], prefix: str = "") -> str:
    """The CSV text of generated invoices."""
    lines = ["invoice_no,customer_no,issue_date,due_date,currency,amount,po_no"]
    for (customer, currency), rows in book.items():
        for days, amount in _parts(rows):
            due = TODAY - timedelta(days=days)
            order = f"PO-{customer[1:]}-{abs(days):03}" if days % 3 == 0 else ""
            lines.append(f"{prefix}{number(customer, days)},{customer},{due - timedelta(days=30)},{due},{currency},{amount},{order}")
    return "\n".join(lines) + "\n"


def paid() -> str:
    """The CSV text of receipts that settled the `PAID` invoices, five to twenty-five days late."""
    lines = ["payment_ref,customer_no,date,currency,amount,invoice_no,method"]
    for (customer, currency), rows in PAID.items():
        for at, (days, amount) in enumerate(_parts(rows)):
            lines.append(f"R-6{customer[1:]}{at},{customer},{TODAY - timedelta(days=days - 5 - 10 * at)},{currency},{amount},S-{number(customer, days)},transfer")
    return "\n".join(lines) + "\n"


def build(folder: Path, company: setup.Company = COMPANY) -> Path:
    """Make the installation in an empty folder and fill it; returns the database file."""
    clock = Clock("2026-01-05T01:00:00")
    runtime = opened(folder, clock)
    setup.initialise(runtime, company, PASSWORD)
    setup.make_secret(runtime.settings)
    add_people(runtime)
    happenings.first_week(runtime, clock, "rosa", "fang", "ming")
    clerk = _actor(runtime, "fang")
    files = [("customers", CUSTOMERS), ("contacts", CONTACTS), ("invoices", invoices(PAID, "S-")), ("invoices", invoices(INVOICES)), ("invoices", MORE)]
    files += [("payments", paid()), ("payments", filled(PAYMENTS)), ("credits", filled(CREDITS))]
    clock.set("2026-03-09T06:20:00")
    for at, (kind, text) in enumerate(files):
        clock.set(f"2026-03-09T0{6 + at // 4}:{20 + at}:00")
        result = imports.run(runtime, clerk, kind, text.encode(), f"{kind}-2026-03-{at + 1:02}.csv", imports.Options())
        assert not result.refused, [str(error.refusal) for error in result.errors]
    clock.set("2026-03-09T09:05:00")
    assert imports.run(runtime, clerk, "invoices", PARTLY.encode(), "invoices-march-late.csv", imports.Options()).refused == 3
    clock.set("2026-03-09T09:40:00")
    runtime.write(clerk, lambda work: cash.apply(work, "credit_note", "CN-502", number("C2004", 49), 50000))
    runtime.write(_actor(runtime, "ming"), lambda work: months.close(work, "2025-12", "year-end report"))
    runtime.write(_actor(runtime, "ming"), lambda work: months.close(work, "2026-01"))
    happenings.second_round(runtime, clock, "fang", "ming")
    clock.set("2026-03-10T02:30:00")
    cash_book.fill(runtime, clerk, number("C1001", 75))
    runtime.engine.dispose()
    return folder / "collect.db"


def add_people(runtime: Runtime) -> None:
    """One person of every role and a second rep; little work for Argon2, since nobody guesses these passwords."""
    usual = users._hasher
    users._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    try:

        def people(work: Any) -> None:
            for username in ("lan", "rui", "rosa", "fang", "ming", "ao", "ada"):
                name, role = PEOPLE[username]
                users.add(work, username, name, role, PASSWORD, lead="lan" if role is Role.REP else None, email=f"{username}@hanhai.example")

        runtime.write(SYSTEM, people)
    finally:
        users._hasher = usual


def _actor(runtime: Runtime, username: str) -> Actor:
    with runtime.read(SYSTEM) as view:
        return users.actor_of(view.session, users.require(view.session, username))


def opened(folder: Path, clock: Callable[[], datetime]) -> Runtime:
    """A runtime on the SQLite file of a folder."""
    url = f"sqlite:///{folder / 'collect.db'}"
    return Runtime(database.make_engine(url), settings.load({"COLLECT_DATABASE_URL": url, "COLLECT_DATA_DIR": str(folder)}), clock)
