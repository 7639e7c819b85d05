"""What the people of the walk through both languages enter: users, customers, documents, and rows that are refused."""

from __future__ import annotations

from collect.domain.rights import Role

PEOPLE = {
    Role.LEAD: ("lan.zhou", "周兰"),
    Role.REP: ("rui.sun", "孙锐"),
    Role.FINANCE: ("fang.li", "李芳"),
    Role.MANAGER: ("ming.zhao", "赵明"),
    Role.AUDITOR: ("ao.qian", "钱傲"),
    Role.ADMIN: ("ada.wu", "吴爱达"),
}
"""User name and name of one person of each role."""

CUSTOMERS = """customer_no,name,segment,rep,collector,terms,credit_limit,currency,phone,tax_no,email,country,language,parent_no
KH001,同仁大药房,经销商,rui.sun,fang.li,NET30,1000.00,CNY,010-65123456,91110101MA01,caiwu@tongren.cn,CN,zh,
KH002,仁和医院,公立医院,rui.sun,,30/50@ACCEPTANCE+60/50@ACCEPTANCE,,CNY,,,,CN,en,KH001
KH003,Zhongmei 诊所,,,,NET30,,EUR,,,,,,
"""
CONTACTS = """customer_no,name,role,decides,original,mobile,email,wechat,preferred_time
KH001,王莉,finance,yes,yes,13800138000,wang@tongren.cn,wangli88,上午
KH001,马强,owner,no,no,,,,
"""
# Today is 2026-03-10. FP1 is late and partly settled, FP2 is not due, FP3 is settled, FP4 is void, FP5 waits for the
# acceptance, FP6 waited for it and has it, FP7 is in another currency.
INVOICES = """invoice_no,customer_no,issue_date,due_date,currency,amount,status,po_no,description,terms
FP1,KH001,2025-12-11,2026-01-10,CNY,1200.00,,DD7,首批送货,
FP2,KH001,2026-02-08,2026-03-20,CNY,300.50,,,,
FP3,KH001,2026-01-05,2026-02-04,CNY,80.00,,,,
FP4,KH001,2026-01-06,2026-02-05,CNY,9.00,void,,,
FP5,KH002,2026-02-20,,CNY,1000.01,,,,
FP6,KH002,2026-01-20,,CNY,500.00,,,,
FP7,KH003,2026-01-30,2026-03-01,EUR,100.00,,,,
"""
PAYMENTS = """payment_ref,customer_no,date,currency,amount,invoice_no,allocated,bank_reference,method
SK1,KH001,2026-02-10,CNY,280.00,FP3,80.00,LS1,transfer
SK1,KH001,2026-02-10,CNY,280.00,FP1,150.00,LS1,transfer
SK2,KH003,2026-03-02,EUR,25.00,,,,cheque
"""
CREDITS = """credit_no,customer_no,date,currency,amount,invoice_no,reason
HZ1,KH001,2026-03-01,CNY,20.00,,退货
"""
WRONG = """invoice_no,customer_no,issue_date,due_date,currency,amount,remark
FP8,KH999,2026-02-20,2026-03-20,CNY,10.00,x
FP9,KH001,2026-02-20,2026-01-20,CNY,10.00,x
FP10,KH001,2026-02-20,2026-03-20,CNY,-10.00,x
FP11,KH001,2026-02-20,2026-03-20,CNY,1e3,x
FP12,KH001,2026-02-30,2026-03-20,CNY,10.00,x
,KH001,2026-02-20,2026-03-20,CNY,10.00,x
FP1,KH001,2025-12-11,2026-01-10,CNY,1300.00,x
FP13,KH001,2026-02-20,2026-03-20,CNY,10.00,x
"""
WRONG_COUNTRY = "customer_no,name,currency,country\nKH004,新民药店,CNY,Zhongguo\n"
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
