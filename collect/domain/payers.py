"""Names of payers as values to compare: company forms, cities and spellings taken off, and a score between two names (S13).

A bank writes a payer otherwise than our books do: `北京同仁堂股份有限公司`, `北京同仁堂`, `BEIJING TONGRENTANG CO.,LTD`.
What is left of a name once its form, its city and its spelling are taken off is its *core*. Two names are the same
legal person only where nothing that tells legal persons apart (another city, another branch, a group, a number in the
name) speaks against it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache


def _words(text: str) -> list[str]:
    return text.split()


KNOWN = 95
"""From this score on two names are taken for one customer; below, a person decides."""
ALIKE = 85
"""From this score on a name does not contradict what an invoice number says."""
SUGGESTED = 70
"""From this score on a name is worth showing to a person."""
BRANCH = 88
"""What a company and its branch have at most: one legal person, yet often with accounts and debts apart, so that a person decides."""

_LEAST_PINYIN = 8  # letters: shorter spellings are shared by too many Chinese names to tell who it is

# Pairs of characters that company names are full of, traditional and Japanese forms first.
_OLD = (
    "國東華業醫藥電機廠車門馬鳥魚龍風飛長陽陰陳張劉楊黃趙吳孫鄭許鄧馮蔣葉蘇盧蕭賴譚鄒鐘鍾羅謝韓蘭齊衛賀顧應億萬興豐榮寶貴銀錢財貿運輸達遠進連選邊過還際陸險隨雙雲霧靈靜順頂項預領頭題額願類顯飯飲養館馳驗體發"
    "寫實審寧島屆層嶺師帶幣幫幹廣庫廟開關聞間閩閣閱隊雜難離雞個們偉側偵備傳傷傾僅價儀儲兒兩冊凍則剛創劃劍劑動務勝勞勢勵勻區協單卻厭參員問啟喬嗎嘗團園圍圖圓聖場堅報壓壞壯聲壽處複夠夢奮奧婦媽嬰學導將專尋對屬"
    "岡歲幾廳強彈彙後徑從復徵憶慶態慮戰戲戶護拋揚換損搖據擇擊擔擬擴攝攜敗敵數斷無時晉曉暢曆書會術條來極構槍樂樓標樣樹橋檔檢權歐歡歷歸殘殺氣漢決沒況濟淨淺渦測湯溫準溝滅滿漁漸潔潤潛澤濃濱灣為災烏煙煩熱燈燒爐"
    "爾牆獎獨獲現環產畫異當療監盤盡眾礦碼確禮種稱積穩窮竊競筆節範築簡簽籌糧糾約紅級紋納紐純紙紡細組結絕給統絲經維綠網緊線緣編緩練縣縮總績織繼續纖罰職聯聽腦臺與舉舊艦藝莊蓋薦薩虛號螢補裝製視規覺覽觀計訂訊記"
    "訓託訪設評詞試詩話詳認語誠誤說誰課調談請論諸講證識譯議讀變讓貝負貢貨責貯費貼資賓賞賢賣質購贈輕載較輛輪轉農遊適遺郵釋鈦鉅鋁銅鋼錄錦鍋鎂鎮鏡鐵鑽針釘釣鈔鈉鋒鋪鏈閉闊韋頓顏飾駐騎騰驅麗麥黨點齒齡佔佈併倉倫"
    "傑優債僑"
)
_NEW = (
    "国东华业医药电机厂车门马鸟鱼龙风飞长阳阴陈张刘杨黄赵吴孙郑许邓冯蒋叶苏卢萧赖谭邹钟钟罗谢韩兰齐卫贺顾应亿万兴丰荣宝贵银钱财贸运输达远进连选边过还际陆险随双云雾灵静顺顶项预领头题额愿类显饭饮养馆驰验体发"
    "写实审宁岛届层岭师带币帮干广库庙开关闻间闽阁阅队杂难离鸡个们伟侧侦备传伤倾仅价仪储儿两册冻则刚创划剑剂动务胜劳势励匀区协单却厌参员问启乔吗尝团园围图圆圣场坚报压坏壮声寿处复够梦奋奥妇妈婴学导将专寻对属"
    "冈岁几厅强弹汇后径从复征忆庆态虑战戏户护抛扬换损摇据择击担拟扩摄携败敌数断无时晋晓畅历书会术条来极构枪乐楼标样树桥档检权欧欢历归残杀气汉决没况济净浅涡测汤温准沟灭满渔渐洁润潜泽浓滨湾为灾乌烟烦热灯烧炉"
    "尔墙奖独获现环产画异当疗监盘尽众矿码确礼种称积稳穷窃竞笔节范筑简签筹粮纠约红级纹纳纽纯纸纺细组结绝给统丝经维绿网紧线缘编缓练县缩总绩织继续纤罚职联听脑台与举旧舰艺庄盖荐萨虚号萤补装制视规觉览观计订讯记"
    "训托访设评词试诗话详认语诚误说谁课调谈请论诸讲证识译议读变让贝负贡货责贮费贴资宾赏贤卖质购赠轻载较辆轮转农游适遗邮释钛巨铝铜钢录锦锅镁镇镜铁钻针钉钓钞钠锋铺链闭阔韦顿颜饰驻骑腾驱丽麦党点齿龄占布并仓伦"
    "杰优债侨"
)
_SIMPLE = str.maketrans(_OLD, _NEW) | {ord(char): None for char in "·・.'’`´,"}

# Company forms, the longest first; what stands before `分公司` is a branch of what stands before that.
_FORMS = _words("集团股份有限公司 集团有限责任公司 集团有限公司 股份有限公司 有限责任公司 股份公司 有限公司 总公司 公司 有限合伙 普通合伙 特殊普通合伙 股份")
_BRANCH = re.compile(r"(?<=公司|集团|医院|大学|银行|药房|药店|连锁|超市|酒店)(?P<branch>[^公司]{1,12})(?:分公司|分店|门店|分部|分院|分厂|分行|支行|办事处|营业部)$")
_LATIN_FORMS = frozenset(
    _words(
        "co company ltd limited inc incorporated corp corporation llc llp lp plc gmbh mbh ag kg kgaa ohg ug eg ev se sa sas sarl sasu srl sprl spa sl slu sau nv bv vof "
        "oy oyj ab asa aps ivs hb as kk kabushikikaisha pty pte pvt private public sdn bhd sro doo spzoo kft zrt rt ooo oao zao pjsc jsc psc wll fze fzco dmcc cv sab"
    )
)
_LEADING_FORMS = frozenset(["sarl", "sas", "pt", "uab", "ooo", "the", "messrs", "firma", "ms"])
_GROUPS = frozenset(["group", "gruppe", "groupe", "gruppo", "grupo", "jituan"])
_AND = frozenset(["and", "und", "et", "y", "e", "en", "och", "og", "ja"])

_CITIES = _words(
    "北京 上海 天津 重庆 河北 山西 辽宁 吉林 黑龙江 江苏 浙江 安徽 福建 江西 山东 河南 湖北 湖南 广东 海南 四川 贵州 云南 陕西 甘肃 青海 台湾 内蒙古 广西 西藏 宁夏 新疆 香港 澳门 "
    "广州 深圳 珠海 东莞 佛山 中山 惠州 汕头 南京 苏州 无锡 常州 南通 徐州 扬州 杭州 宁波 温州 嘉兴 绍兴 金华 台州 合肥 福州 厦门 泉州 南昌 济南 青岛 烟台 潍坊 郑州 洛阳 武汉 "
    "宜昌 长沙 南宁 桂林 海口 成都 绵阳 贵阳 昆明 西安 兰州 西宁 银川 乌鲁木齐 呼和浩特 包头 太原 石家庄 唐山 保定 沈阳 大连 长春 哈尔滨"
)
_TOWN = "(?<![超城都门夜上股菜])市"  # a supermarket (超市) is no town
_PLACE = re.compile(
    f"^((?:(?:{'|'.join(sorted(_CITIES, key=len, reverse=True))})(?:省|市|自治区|特别行政区)?)+(?:[一-鿿]{{1,3}}(?:{_TOWN}|区|县))?|[一-鿿]{{2,3}}(?:省|{_TOWN}|县))"
)
_PLACE_SUFFIX = re.compile(r"省|市|自治区|特别行政区|区$|县$")
_LATIN_CITIES = dict(
    zip(
        _words(
            "beijing shanghai "
            "tianjin chongqing guangzhou shenzhen nanjing suzhou wuxi hangzhou ningbo xiamen fuzhou qingdao jinan wuhan changsha chengdu xian kunming "
            "zhengzhou hefei "
            "dongguan foshan zhuhai jiangsu zhejiang guangdong shandong sichuan fujian hebei henan hubei hunan anhui jiangxi liaoning hongkong peking dalian shenyang"
        ),
        _words(
            "北京 上海 天津 重庆 广州 深圳 南京 苏州 无锡 杭州 宁波 厦门 福州 青岛 济南 武汉 长沙 成都 西安 昆明 "
            "郑州 合肥 东莞 佛山 珠海 江苏 浙江 广东 山东 四川 福建 河北 河南 湖北 湖南 安徽 江西 辽宁 香港 北京 大连 沈阳"
        ),
        strict=True,
    )
)
_HAN = re.compile(r"[㐀-鿿]")
_PUBLIC = re.compile("医院|卫生院|学校|大学|中学|小学|银行|中心|委员会|局$|厅$")  # their place is their name
_NUMERALS = re.compile(r"[0-9]+|[一二三四五六七八九十百]+")
_NOT_WORD = re.compile(r"[^0-9a-z\u00df-\uffff]+")
_UMLAUTS = (("ae", "a"), ("oe", "o"), ("ue", "u"))


@dataclass(frozen=True, slots=True)
class Name:
    """A name taken apart: `full` is the whole of it in plain spelling, `core` what tells it from others.

    `city` (in Chinese where known), `branch` and `group` are what was taken off besides the form; `numerals` are the
    numbers in the core (`第一医院` is not `第二医院`).
    """

    full: str
    core: str
    city: str | None = None
    branch: str | None = None
    group: bool = False
    numerals: tuple[str, ...] = ()

    @property
    def latin(self) -> bool:
        """Whether the core holds no Chinese character."""
        return not _HAN.search(self.core)

    @property
    def tight(self) -> str:
        """The core without its spaces."""
        return self.core.replace(" ", "")


def plain(text: str) -> str:
    """Plain spelling: full-width folded, small letters, simplified characters, no accents, dots or commas, single spaces."""
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_SIMPLE)
    if not folded.isascii():
        folded = "".join(char for char in unicodedata.normalize("NFD", folded) if not unicodedata.combining(char))
        folded = unicodedata.normalize("NFC", folded)
    return " ".join(folded.split())


@lru_cache(maxsize=262_144)
def read(text: str) -> Name:
    """A name taken apart; never empty of a core where the name has a letter at all."""
    name = plain(text)
    return _read_chinese(name) if _HAN.search(name) else _read_latin(name)


def _read_chinese(name: str) -> Name:
    """Branch, form, group and city of a Chinese name, in that order, from the outside in."""
    full = re.sub(r"[\s\-_/&]+", "", name)
    rest, city, group, branch = full, None, False, None
    for inner in re.findall(r"[(\[【]([^)\]】]*)[)\]】]", full):
        if inner in ("集团", "股份", "有限合伙", "普通合伙", "特殊普通合伙"):
            group = group or inner == "集团"
        elif (found := _PLACE.match(inner)) and found.end() == len(inner):
            city = city or _place(inner)
        else:
            continue
        rest = re.sub(rf"[(\[【]{re.escape(inner)}[)\]】]", "", rest, count=1)
    rest = re.sub(r"[()\[\]【】]", "", rest)
    if (found := _BRANCH.search(rest)) and found.start() > 1:
        rest, branch = rest[: found.start()], _place(found["branch"].removeprefix("驻"))
    for form in _FORMS:
        if rest.endswith(form) and len(rest) > len(form):
            rest, group = rest[: -len(form)], group or form.startswith("集团")
            break
    if rest.endswith("集团") and len(rest) > 3:
        rest, group = rest[:-2], True
    if (found := _PLACE.match(rest)) and len(rest) - found.end() >= 2:
        city, rest = _place(found.group()), rest[found.end() :]
    return Name(full, rest, city, branch, group, tuple(_NUMERALS.findall(rest)))


def _place(text: str) -> str:
    """A place without what it is: `北京市` and `北京` are one."""
    return _PLACE_SUFFIX.sub("", text)


def _read_latin(name: str) -> Name:
    """Forms at the end (and few at the beginning), a Chinese city in front, and joining words taken off."""
    words = [
        word
        for word in _NOT_WORD.split(name.replace("kabushiki kaisha", "kabushikikaisha").replace("sp z oo", "spzoo").replace("a/s", "as").replace("hong kong", "hongkong"))
        if word
    ]
    full = " ".join(words)
    kept = [word for word in words if word not in _AND]
    group, city = False, None
    while len(kept) > 1 and kept[0] in _LEADING_FORMS:
        kept = kept[1:]
    while len(kept) > 1 and (kept[-1] in _LATIN_FORMS or kept[-1] in _GROUPS):
        group = group or kept[-1] in _GROUPS
        kept = kept[:-1]
    for place in (0, -1):
        if len(kept) > 1 and kept[place] in _LATIN_CITIES and sum(map(len, kept)) - len(kept[place]) >= 4:
            city = city or _LATIN_CITIES[kept[place]]
            kept = kept[1:] if place == 0 else kept[:-1]
    core = " ".join(kept)
    for pair, letter in _UMLAUTS:
        core = core.replace(pair, letter)
    return Name(full, core, city, None, group, tuple(_NUMERALS.findall(core)))


def score(payer: Name, customer: Name, alike: Callable[[str, str], int], pinyin: Callable[[str], str]) -> int:
    """How surely two names are one legal person, 0 to 100 (S13).

    100: the whole name is the same; 95 to 98: the core is, and nothing speaks against it; at most 94 where the cores
    are only alike (`alike` gives 0 to 100); at most 88 where one is a group and the other not, or one a branch and the
    other the company, at most 80 where branches differ, 60 where cities or the numbers in the names do. `pinyin` spells Chinese in letters, so that a name
    in letters meets one in characters; a short spelling is shared by too many names to be known by.
    """
    if not payer.core or not customer.core:
        return 0
    if payer.full == customer.full:
        return 100
    most = _most(payer, customer)
    if payer.tight == customer.tight:
        same = 98 if payer.city == customer.city else 96
        return min(same, most)
    if payer.latin != customer.latin:
        spelt = [(name.tight if name.latin else pinyin(name.core)) for name in (payer, customer)]
        if spelt[0] == spelt[1]:
            return min(95 if len(spelt[0]) >= _LEAST_PINYIN else 90, most)
        return min(alike(*spelt), 90, most)
    return min(alike(payer.core, customer.core), 94, most)


def branch_between(payer: Name, customer: Name) -> str | None:
    """Which of the two is a branch of the other, `payer` or `customer`; None where neither is, or more than that is different."""
    if bool(payer.branch) == bool(customer.branch) or not payer.core or payer.tight != customer.tight or _most(payer, customer) < BRANCH:
        return None
    return "payer" if payer.branch else "customer"


def _most(payer: Name, customer: Name) -> int:
    """The highest score that what was taken off the two names allows."""
    if payer.city and customer.city and payer.city not in customer.city and customer.city not in payer.city:
        return 60
    if payer.numerals != customer.numerals and payer.latin == customer.latin:
        return 60
    if payer.branch and customer.branch and payer.branch != customer.branch:
        return 80
    if bool(payer.branch) != bool(customer.branch):
        return BRANCH
    nearer = payer.city != customer.city and (None not in (payer.city, customer.city) or _PUBLIC.search(customer.core) is not None)
    return 88 if nearer or payer.group != customer.group else 100
