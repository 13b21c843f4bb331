-- Versions of price lists.

-- name: fetch_price_list_heads (brand)
SELECT version, effective_at, sha256 FROM price_list WHERE brand = :brand ORDER BY version;

-- name: fetch_price_lists (brand)
SELECT version, effective_at, sha256, text, stored_at, actor FROM price_list
WHERE brand = :brand ORDER BY effective_at, version;

-- name: insert_price_list (brand, version, effective_at, sha256, text, stored_at, actor)
INSERT INTO price_list (brand, version, effective_at, sha256, text, stored_at, actor)
VALUES (:brand, :version, :effective_at, :sha256, :text, :stored_at, :actor);

-- name: fetch_brands ()
SELECT brand FROM brand ORDER BY brand;

-- name: insert_brand (brand, created_at)
INSERT INTO brand (brand, created_at) VALUES (:brand, :created_at) ON CONFLICT (brand) DO NOTHING;
