"""What the house remembers: the only package that speaks DynamoDB.

Access patterns first, keys from them. `due_key` is `YYYY-MM-DDTHH:MM:SS.mmmZ#<order_id>`, so text
order is time order; the attribute exists only while something is armed (a sparse index).

    question                              table      key                                    calls
    accept a report                       orders     order_id (must be new)                 1 write
                                          ledger     aggregate = order/<id>, seq = 1
                                          personal   pk = <party>, sk = <id>
    move one order, or two that merge     orders     order_id (version as it was read)      1 write
                                          ledger     aggregate, seq = version + 1 (new)
                                          personal   pk = order/<id>, sk = text#<seq>
    one order, as its citizen sees it      orders     order_id                               1 read
    the queue of a county                 orders     index due: county, due_key             1 a page
    what is due now                       orders     index due: county, due_key <= now      1 a page
    an order's history; one step          ledger     aggregate, seq                         1 a MB
    who changed it first                  ledger     aggregate, seq                         1 read
    the orders of a telephone             personal   pk = <party>                           1 a MB
    what was said; what was photographed  personal   pk = order/<id>, sk = text#, file#     1 a MB

`party` is a keyed hash of a telephone number (domain: contact), so that the table can be searched
by number without holding one as a key. An order without a telephone keeps its contact under
pk = order/<id>, sk = contact.

The modules: `rows` (connection, row classes, what a failed call means), `packing`, `orders`,
`ledger`, `personal`, and beside them `desk_rows`, `registry`, `customers`, `deliveries`, `daybook`,
`grid`, `outages`, `papers`, `notices`, `findings`, `resources`, `issues`: each says its own keys.
"""

from .rows import bind

__all__ = ["bind"]
