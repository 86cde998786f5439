-- One row per order; the columns are what `fields` of defs.yaml maps.
SELECT
    order_no,
    customer_no,
    CAST(amount AS DECIMAL(38, 2)) AS amount,
    CAST(tax_rate AS DECIMAL(5, 2)) AS tax_rate,
    CAST(order_date AS DATE) AS order_date,
    status,
    note
FROM erp.orders
WHERE NOT is_test
