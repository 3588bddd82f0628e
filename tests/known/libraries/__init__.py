"""Examples for the rows of each library: named values, receivers, arguments, and the types behind the table's words."""
