"""Jobs for Apache Spark, for histories that one machine does not get through.

Nothing imports this package, and the site needs none of its requirements (requirements/spark.txt).
"""
